using System.Runtime.InteropServices;
using Conclave.Store;
using Microsoft.Win32.SafeHandles;

namespace Conclave.Runtime.Disk;

/// <summary>
/// A data directory of the local file system, held exclusively from <see cref="Acquire"/> to <see cref="Dispose"/> through an flock on its file
/// <c>lock</c>. Linux and macOS. Every failure is a <see cref="DiskFailedException"/> with the operating system's text; a failed flush must end the process.
/// </summary>
public sealed class FileDisk : IDisk, IDisposable
{
    private readonly SafeFileHandle _lock;

    private FileDisk(string root, SafeFileHandle lockFile)
    {
        Root = root;
        _lock = lockFile;
    }

    /// <summary>The directory, absolute.</summary>
    public string Root { get; }

    /// <summary>Makes the directory (mode 0700) unless it is there, and locks it.</summary>
    /// <exception cref="DirectoryInUseException">Another process, or another member of this one, holds it.</exception>
    /// <exception cref="DiskFailedException">No permission, read-only, ...</exception>
    public static FileDisk Acquire(string directory)
    {
        if (OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException("The store needs Linux or macOS: its flushes are the operating system's own calls.");
        var root = Path.GetFullPath(directory);
        MakeDirectory(root);
        var path = Path.Combine(root, "lock");
        var file = OpenFile(path, Libc.ReadWrite | Libc.Create);
        if (Libc.Lock(file, Libc.LockExclusive | Libc.LockNonBlocking) == 0)
            return new FileDisk(root, file);
        var errno = Marshal.GetLastPInvokeError();
        file.Dispose();
        throw errno is Libc.WouldBlockLinux or Libc.WouldBlockMac ? new DirectoryInUseException(root) : Failed("flock", path, errno);
    }

    /// <inheritdoc/>
    public void CreateDirectory(string path)
    {
        var full = Full(path);
        if (Directory.Exists(full))
            return;
        MakeDirectory(full);
        Sync(Path.GetDirectoryName(full)!);
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> List(string directory)
    {
        try
        {
            var names = Directory.GetFiles(Full(directory)).Select(p => Path.GetFileName(p)).ToArray();
            Array.Sort(names, StringComparer.Ordinal);
            return names;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DiskFailedException("readdir", Full(directory), e.Message, e.HResult, e);
        }
    }

    /// <inheritdoc/>
    public IDiskFile Create(string path) => new OpenedFile(Full(path), OpenFile(Full(path), Libc.ReadWrite | Libc.Create | Libc.Truncate));

    /// <inheritdoc/>
    public IDiskFile Open(string path) => new OpenedFile(Full(path), OpenFile(Full(path), Libc.ReadWrite));

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        if (Libc.Rename(Full(from), Full(to)) != 0)
            throw Failed("rename", Full(from), Marshal.GetLastPInvokeError());
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        if (Libc.Unlink(Full(path)) != 0)
            throw Failed("unlink", Full(path), Marshal.GetLastPInvokeError());
    }

    /// <inheritdoc/>
    public void SyncDirectory(string path) => Sync(Full(path));

    /// <summary>Lets another process have the directory.</summary>
    public void Dispose()
    {
        if (_lock.IsClosed)
            return;

        // Closing is not enough: a child of this process that has not come to its exec yet has the same open file, and with it the lock.
        _ = Libc.Lock(_lock, Libc.Unlock);
        _lock.Dispose();
    }

    private string Full(string path) => Path.Combine(Root, path);

    private static void MakeDirectory(string path)
    {
        try
        {
            if (!OperatingSystem.IsWindows())
                Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DiskFailedException("mkdir", path, e.Message, e.HResult, e);
        }
    }

    private static void Sync(string path)
    {
        using var directory = OpenFile(path, Libc.ReadOnly);
        if (Libc.FlushAll(directory) != 0)
            throw Failed("fsync", path, Marshal.GetLastPInvokeError());
    }

    private static SafeFileHandle OpenFile(string path, int flags)
    {
        while (true)
        {
            var descriptor = Libc.Open(path, flags | Libc.CloseOnExec, Libc.OwnerReadWrite);
            if (descriptor >= 0)
                return new SafeFileHandle(descriptor, ownsHandle: true);
            var errno = Marshal.GetLastPInvokeError();
            if (errno != Libc.Interrupted)
                throw Failed("open", path, errno);
        }
    }

    private static DiskFailedException Failed(string operation, string path, int errno) =>
        new(operation, path, $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})", errno);

    private sealed class OpenedFile(string path, SafeFileHandle handle) : IDiskFile
    {
        public long Length
        {
            get
            {
                var end = Libc.Seek(handle, 0, Libc.SeekEnd);
                return end >= 0 ? end : throw Failed("lseek", path, Marshal.GetLastPInvokeError());
            }
        }

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            while (!bytes.IsEmpty)
            {
                var written = Libc.Write(handle, bytes, bytes.Length, offset);
                if (written < 0)
                {
                    var errno = Marshal.GetLastPInvokeError();
                    if (errno == Libc.Interrupted)
                        continue;
                    throw Failed("pwrite", path, errno);
                }

                bytes = bytes[(int)written..];
                offset += written;
            }
        }

        public int Read(long offset, Span<byte> buffer)
        {
            var total = 0;
            while (total < buffer.Length)
            {
                var read = Libc.Read(handle, buffer[total..], buffer.Length - total, offset + total);
                if (read == 0)
                    break;
                if (read > 0)
                {
                    total += (int)read;
                    continue;
                }

                var errno = Marshal.GetLastPInvokeError();
                if (errno != Libc.Interrupted)
                    throw Failed("pread", path, errno);
            }

            return total;
        }

        public bool Allocate(long length)
        {
            if (!OperatingSystem.IsLinux())
                return false;
            while (Libc.Allocate(handle, mode: 0, offset: 0, length) != 0)
            {
                switch (Marshal.GetLastPInvokeError())
                {
                    case Libc.Interrupted:
                        continue;
                    case Libc.NotSupported or Libc.NoSystemCall or Libc.NoSpace or Libc.OverQuota or Libc.FileTooLarge:
                        return false;
                    case var errno:
                        throw Failed("fallocate", path, errno);
                }
            }

            return true;
        }

        public void Truncate(long length)
        {
            while (Libc.SetLength(handle, length) != 0)
            {
                var errno = Marshal.GetLastPInvokeError();
                if (errno != Libc.Interrupted)
                    throw Failed("ftruncate", path, errno);
            }
        }

        /// <summary>Not retried, not even when interrupted: after any failure nobody knows what the disk has.</summary>
        public void Flush()
        {
            // macOS has no fdatasync in its headers, and its fsync does not reach the platter; good enough for development there.
            var result = OperatingSystem.IsMacOS() ? Libc.FlushAll(handle) : Libc.FlushBytes(handle);
            if (result != 0)
                throw Failed(OperatingSystem.IsMacOS() ? "fsync" : "fdatasync", path, Marshal.GetLastPInvokeError());
        }

        public void Dispose() => handle.Dispose();
    }
}

/// <summary>Another process holds the data directory.</summary>
public sealed class DirectoryInUseException(string directory)
    : Exception($"{directory} is in use by another process: one data directory serves one member. Stop that one, or choose another directory.")
{
    /// <summary>The directory.</summary>
    public string Directory { get; } = directory;
}

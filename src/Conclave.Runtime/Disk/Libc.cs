using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Conclave.Runtime.Disk;

/// <summary>
/// The system calls behind <see cref="FileDisk"/>. Our own, because <c>FileStream.Flush(true)</c> and <c>RandomAccess.FlushToDisk</c> report success
/// when the kernel's fsync failed (DESIGN 5.3).
/// </summary>
internal static partial class Libc
{
    public const int ReadOnly = 0;
    public const int ReadWrite = 2;
    public const int LockExclusive = 2;
    public const int LockNonBlocking = 4;
    public const int Unlock = 8;
    public const int SeekEnd = 2;
    public const int Interrupted = 4;
    public const int FileTooLarge = 27;
    public const int NoSpace = 28;
    public const int NoSystemCall = 38;
    public const int NotSupported = 95;
    public const int OverQuota = 122;
    public const int WouldBlockLinux = 11;
    public const int WouldBlockMac = 35;
    public const int OwnerReadWrite = 0x180; // 0600

    public static int Create => OperatingSystem.IsMacOS() ? 0x200 : 0x40;

    public static int Truncate => OperatingSystem.IsMacOS() ? 0x400 : 0x200;

    public static int CloseOnExec => OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Open(string path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    public static partial nint Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, nint count, long offset);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    public static partial nint Read(SafeFileHandle file, Span<byte> bytes, nint count, long offset);

    [LibraryImport("libc", EntryPoint = "fdatasync", SetLastError = true)]
    public static partial int FlushBytes(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int FlushAll(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int SetLength(SafeFileHandle file, long length);

    /// <summary>Linux only. Not posix_fallocate, which writes every block where the file system cannot allocate.</summary>
    [LibraryImport("libc", EntryPoint = "fallocate64", SetLastError = true)]
    public static partial int Allocate(SafeFileHandle file, int mode, long offset, long length);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    public static partial long Seek(SafeFileHandle file, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Rename(string from, string to);

    [LibraryImport("libc", EntryPoint = "unlink", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int Unlink(string path);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    public static partial int Lock(SafeFileHandle file, int operation);
}

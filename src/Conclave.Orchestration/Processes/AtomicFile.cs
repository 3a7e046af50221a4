using System.Runtime.InteropServices;

namespace Conclave.Orchestration.Processes;

/// <summary>Replaces a file so that a reader sees the old content or the new, never a part; when durable, also a reader after a power cut.</summary>
internal static class AtomicFile
{
    public static void Write(string path, ReadOnlySpan<byte> content, bool durable = true)
    {
        var directory = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var temporary = path + ".tmp";
        using (var file = File.OpenHandle(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            RandomAccess.Write(file, content, 0);
            // Not RandomAccess.FlushToDisk, which reports success when the kernel's fsync failed.
            if (durable)
                Check(Libc.Fsync((int)file.DangerousGetHandle()), temporary);
        }

        File.Move(temporary, path, overwrite: true);
        if (durable)
            SyncDirectory(directory);
    }

    public static void SyncDirectory(string directory)
    {
        var descriptor = Libc.Open(directory, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
        Check(descriptor, directory);
        var result = Libc.Fsync(descriptor);
        var error = Marshal.GetLastPInvokeError();
        _ = Libc.Close(descriptor);
        if (result < 0)
            throw Failed(directory, error);
    }

    private static void Check(int result, string path)
    {
        if (result < 0)
            throw Failed(path, Marshal.GetLastPInvokeError());
    }

    private static IOException Failed(string path, int error) => new($"cannot write {path} to the disk: {Libc.ErrorText(error)}");
}

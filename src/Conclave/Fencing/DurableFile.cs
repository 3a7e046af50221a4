using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Conclave;

/// <summary>
/// Flushes that fail when the disk fails: <c>FileStream.Flush(true)</c> and <c>RandomAccess.FlushToDisk</c> swallow the error of fsync on .NET 10.
/// </summary>
internal static partial class DurableFile
{
    public static void Flush(SafeFileHandle file)
    {
        if (OperatingSystem.IsWindows())
        {
            RandomAccess.FlushToDisk(file);
            return;
        }

        if (Fsync(file) != 0)
            throw new IOException($"fsync failed with error {Marshal.GetLastPInvokeError()}.");
    }

    /// <summary>Makes a rename in the directory survive a power cut. Windows has no such call and needs none.</summary>
    public static void FlushDirectory(string directory)
    {
        if (OperatingSystem.IsWindows())
            return;

        // File.OpenHandle refuses directories, so the descriptor is opened by the kernel's own call.
        using var handle = Open(directory, flags: 0);
        if (handle.IsInvalid)
            throw new IOException($"{directory} cannot be opened for fsync, error {Marshal.GetLastPInvokeError()}.");
        if (Fsync(handle) != 0)
            throw new IOException($"fsync of {directory} failed with error {Marshal.GetLastPInvokeError()}.");
    }

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags);
}

using System.Runtime.InteropServices;

namespace Conclave.Orchestration.Processes;

/// <summary>
/// How many bytes were ever taken off the front of a log file: an extended attribute of the file itself, read and written under a lock of the file. With
/// it a reader knows the place of a byte in the whole stream: what was cut plus the offset, which no cut changes.
/// </summary>
internal static unsafe class LogCut
{
    private const string Attribute = "user.conclave.cut";

    /// <summary>0 for a file that was never cut, and on file systems without extended attributes.</summary>
    public static long Read(int descriptor)
    {
        long cut;
        return Libc.GetAttribute(descriptor, Attribute, &cut, sizeof(long)) == sizeof(long) ? cut : 0;
    }

    /// <summary>False where the file system has no extended attributes; followers then notice a cut only when the file got shorter.</summary>
    public static bool Write(int descriptor, long cut) => Libc.SetAttribute(descriptor, Attribute, &cut, sizeof(long), 0) == 0;

    /// <summary>False when another process holds the lock; the writer of the log takes none and is never held up.</summary>
    public static bool TryLock(int descriptor, bool exclusive) => Lock(descriptor, (exclusive ? Libc.LOCK_EX : Libc.LOCK_SH) | Libc.LOCK_NB);

    public static void Unlock(int descriptor) => _ = Libc.Flock(descriptor, Libc.LOCK_UN);

    private static bool Lock(int descriptor, int operation)
    {
        while (Libc.Flock(descriptor, operation) < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != Libc.EINTR)
                return false;
        }

        return true;
    }
}

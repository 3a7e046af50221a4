using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Conclave.Orchestration.Processes;

/// <summary>What <see cref="LogTrimmer.Trim"/> did. A closed set.</summary>
public abstract record TrimResult
{
    private TrimResult() { }

    /// <summary>Within its size, or absent.</summary>
    public sealed record NotNeeded : TrimResult;

    /// <summary>Blocks were taken off the front; every line after them is there.</summary>
    public sealed record Collapsed(long Bytes) : TrimResult;

    /// <summary>The file system cannot do that: the newest part was copied to the front. Lines written meanwhile may be lost or out of order.</summary>
    public sealed record CopiedAndTruncated(long Bytes) : TrimResult;

    /// <summary>A reader has the file at this moment; the next round will do it.</summary>
    public sealed record Busy : TrimResult;

    /// <summary>The disk refused, or the file is none that can be shortened; it is as it was.</summary>
    public sealed record Failed(string Why) : TrimResult;
}

/// <summary>
/// Keeps append-only log files within a size while their writers go on writing. FALLOC_FL_COLLAPSE_RANGE takes whole blocks off the
/// front in place: the kernel shifts the rest down under the inode's lock, and a writer with O_APPEND writes to the new end. ext4 and xfs have it.
/// </summary>
/// <remarks>The first line after a cut may be the end of a longer one: blocks do not end where lines do.</remarks>
public sealed class LogTrimmer(TimeProvider time)
{
    private const int BusyRoundsMax = 10;
    private readonly Dictionary<string, int> _busyRounds = new(StringComparer.Ordinal);
    private readonly HashSet<string> _failing = new(StringComparer.Ordinal);

    /// <summary>A file longer than this is cut. Default 16 MiB; at least 1 MiB is sensible. A writer can go over it by what it writes in one <see cref="Interval"/>.</summary>
    public long MaxBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>Default 1 s.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Trims every file that <paramref name="files"/> names, each round anew, until <paramref name="stopping"/>. A file that cannot be trimmed is told of once, stays as it is and is
    /// tried again each round: a log that grows is never worth the node that watches over its writer.
    /// </summary>
    /// <param name="files">The logs of the instances supervised at this moment.</param>
    /// <param name="trimmed">Told of every result but <see cref="TrimResult.NotNeeded"/>, and of <see cref="TrimResult.Failed"/> only when the round before was none.</param>
    /// <param name="stopping">Ends it.</param>
    public async Task RunAsync(Func<IEnumerable<string>> files, Action<string, TrimResult> trimmed, CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
            {
                foreach (var file in files())
                {
                    var result = TryTrim(file);
                    var told = result is TrimResult.Failed && !_failing.Add(file);
                    if (result is not TrimResult.Failed)
                        _failing.Remove(file);
                    if (!told && result is not TrimResult.NotNeeded)
                        trimmed(file, result);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The ordinary end.
        }
    }

    private TrimResult TryTrim(string path)
    {
        try
        {
            return Trim(path);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            return new TrimResult.Failed(refused.Message);
        }
    }

    /// <summary>Cuts one file down to three quarters of <see cref="MaxBytes"/> if it is longer than that. One caller at a time.</summary>
    /// <exception cref="IOException">The disk refused; the file is as it was.</exception>
    public TrimResult Trim(string path)
    {
        Platform.Require();
        var descriptor = Libc.Open(path, Libc.O_RDWR | Libc.O_CLOEXEC, 0);
        if (descriptor < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error == Libc.ENOENT ? new TrimResult.NotNeeded() : throw new IOException($"cannot open {path}: {Libc.ErrorText(error)}");
        }

        using var file = new SafeFileHandle(descriptor, ownsHandle: true);
        if (RandomAccess.GetLength(file) <= MaxBytes)
            return new TrimResult.NotNeeded();

        // The kernel writes dirty pages out before it shifts blocks, and writer and readers wait for it. So most are written out here, where nobody waits. Only to be
        // quick: an error says nothing.
        _ = Libc.SyncFileRange(descriptor, 0, 0, Libc.SYNC_FILE_RANGE_ALL);

        // A reader holds the lock for microseconds, unless it was stopped with it; then its place in the stream matters less than the disk.
        var locked = LogCut.TryLock(descriptor, exclusive: true);
        var rounds = locked ? 0 : _busyRounds.GetValueOrDefault(path) + 1;
        _busyRounds[path] = rounds;
        if (!locked && rounds < BusyRoundsMax)
            return new TrimResult.Busy();

        return Cut(file, path);
    }

    /// <summary>Blocks to take: down to three quarters, whole blocks, and never up to the end, which the kernel refuses.</summary>
    internal static long BytesToCut(long length, long max, long block)
    {
        if (length <= max)
            return 0;
        var cut = (length - (max / 4 * 3)) / block * block;
        return cut >= length ? cut - block : cut;
    }

    private TrimResult Cut(SafeFileHandle file, string path)
    {
        var descriptor = (int)file.DangerousGetHandle();
        var length = RandomAccess.GetLength(file);

        // 64 KiB is a multiple of every block size that ext4 and xfs use on these machines, so none need be asked.
        var bytes = BytesToCut(length, MaxBytes, block: 64 * 1024);
        if (bytes <= 0)
            return new TrimResult.NotNeeded();

        var cutBefore = LogCut.Read(descriptor);
        if (Libc.Fallocate(descriptor, Libc.FALLOC_FL_COLLAPSE_RANGE, 0, bytes) == 0)
        {
            LogCut.Write(descriptor, cutBefore + bytes);
            return new TrimResult.Collapsed(bytes);
        }

        var error = Marshal.GetLastPInvokeError();
        if (error is not (Libc.EOPNOTSUPP or Libc.ENOSYS or Libc.EINVAL or Libc.EPERM))
            throw new IOException($"cannot shorten {path}: {Libc.ErrorText(error)}");
        return CopyAndTruncate(file, bytes, cutBefore);
    }

    private static TrimResult.CopiedAndTruncated CopyAndTruncate(SafeFileHandle file, long bytes, long cutBefore)
    {
        var newest = new byte[RandomAccess.GetLength(file) - bytes];
        var read = 0;
        while (read < newest.Length && RandomAccess.Read(file, newest.AsSpan(read), bytes + read) is var count and > 0)
            read += count;

        // The copy goes over the front: what the writer appended in between is overwritten or, where there is much of it, comes after.
        RandomAccess.SetLength(file, 0);
        RandomAccess.Write(file, newest.AsSpan(0, read), 0);
        LogCut.Write((int)file.DangerousGetHandle(), cutBefore + bytes);
        return new TrimResult.CopiedAndTruncated(bytes);
    }
}

using System.Text;

namespace Conclave;

/// <summary>
/// Keeps the token in one small text file, shared by all processes of a host: the number in decimal and a line end.
/// A new token is written beside it, flushed, renamed over it and the directory flushed, so a crash or a power cut leaves the old token or
/// the new one and never half of one. Processes exclude each other by a lock on <c>PATH.lock</c>, which the kernel drops when its holder dies.
/// </summary>
public sealed class FileFencingStore : IFencingStore
{
    private static readonly TimeSpan LockRetryInterval = TimeSpan.FromMilliseconds(2);

    private readonly string _path;

    /// <param name="path">The file; it need not exist, its directory must.</param>
    public FileFencingStore(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        _path = Path.GetFullPath(path);
    }

    /// <summary>How long to wait for another process that holds the lock before giving up with <see cref="TimeoutException"/>. Default 5 s.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    /// <exception cref="IOException">The file cannot be read or does not hold a token. It is never taken for "no token yet".</exception>
    public ValueTask<FencingToken> ReadAsync(CancellationToken cancellation) => new(Read());

    /// <inheritdoc/>
    public async ValueTask<bool> TryAdvanceAsync(FencingToken expected, FencingToken next, CancellationToken cancellation)
    {
        var exclusive = await LockAsync(cancellation).ConfigureAwait(false);
        await using (exclusive.ConfigureAwait(false))
        {
            if (Read() != expected)
                return false;
            Replace(next);
            return true;
        }
    }

    private FencingToken Read()
    {
        string text;
        try
        {
            text = File.ReadAllText(_path);
        }
        catch (FileNotFoundException)
        {
            return FencingToken.None;
        }

        // The line end is the proof that the number is whole.
        if (!text.EndsWith('\n') || !FencingToken.TryParse(text[..^1], out var token))
            throw new InvalidDataIOException(_path);
        return token;
    }

    private void Replace(FencingToken next)
    {
        var beside = _path + ".new";
        using (var file = new FileStream(beside, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            file.Write(Encoding.ASCII.GetBytes(next + "\n"));
            DurableFile.Flush(file.SafeFileHandle);
        }

        File.Move(beside, _path, overwrite: true);
        DurableFile.FlushDirectory(Path.GetDirectoryName(_path)!);
    }

    // FileShare.None is a non-blocking exclusive flock on Unix, so waiting means trying again.
    private async ValueTask<FileStream> LockAsync(CancellationToken cancellation)
    {
        var started = Environment.TickCount64;
        while (true)
        {
            try
            {
                return new FileStream(_path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (IOException held) when (held is not (FileNotFoundException or DirectoryNotFoundException))
            {
                if (Environment.TickCount64 - started > LockTimeout.TotalMilliseconds)
                    throw new TimeoutException($"{_path}.lock is held by another process for more than {LockTimeout.TotalSeconds:0.#} s.", held);
            }

            await Task.Delay(LockRetryInterval, cancellation).ConfigureAwait(false);
        }
    }

    private sealed class InvalidDataIOException(string path)
        : IOException($"{path} does not hold a fencing token. Restore it, or write the highest token known and a line end into it.");
}

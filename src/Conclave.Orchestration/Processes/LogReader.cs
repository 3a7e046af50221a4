using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Conclave.Orchestration.Processes;

/// <summary>
/// Reads log files that are being appended to by one process and cut at the front by another (<see cref="LogTrimmer"/>). Never holds up the writer. Thread-safe.
/// </summary>
public sealed class LogReader(TimeProvider time)
{
    private const int ChunkSize = 64 * 1024;
    private const int LockPatienceMilliseconds = 1000;

    /// <summary>A longer line is handed out in pieces. Bytes, default 64 KiB.</summary>
    public int MaxLineBytes { get; init; } = 64 * 1024;

    /// <summary>How often a followed file is looked at when nothing came. Default 50 ms.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The last <paramref name="lines"/> lines; fewer when the file has fewer, none when it is absent.</summary>
    /// <param name="path">The log file.</param>
    /// <param name="lines">0 or more.</param>
    /// <param name="stopping">Ends it.</param>
    public Task<IReadOnlyList<string>> TailAsync(string path, int lines, CancellationToken stopping) =>
        Task.Run<IReadOnlyList<string>>(() => Tail(path, lines, stopping), stopping);

    private List<string> Tail(string path, int lines, CancellationToken stopping)
    {
        using var source = LogSource.TryOpen(path);
        if (source is null)
            return [];
        var result = new List<string>();
        source.Position = source.StartOfLast(lines);
        var splitter = new LineSplitter(MaxLineBytes);
        while (source.ReadNext() is { Length: > 0 } chunk && result.Count < lines)
        {
            stopping.ThrowIfCancellationRequested();
            result.AddRange(splitter.Add(chunk));
        }

        if (splitter.TakeRest() is { } rest)
            result.Add(rest);
        return result.Count > lines ? result[^lines..] : result;
    }

    /// <summary>
    /// The last <paramref name="lines"/> lines and then every line as it is written, until <paramref name="stopping"/>. A cut of the file neither repeats nor skips a line that is
    /// still there; a file that was replaced is read from its start; one that does not exist yet is waited for.
    /// </summary>
    /// <param name="path">The log file.</param>
    /// <param name="lines">How many of the lines before now. Default none.</param>
    /// <param name="stopping">The ordinary way to end; ends the sequence without an exception.</param>
    public async IAsyncEnumerable<string> FollowAsync(string path, int lines = 0, [EnumeratorCancellation] CancellationToken stopping = default)
    {
        LogSource? source = null;
        var fromStart = false;
        var splitter = new LineSplitter(MaxLineBytes);
        try
        {
            while (!stopping.IsCancellationRequested)
            {
                if (source is null && (source = LogSource.TryOpen(path)) is not null)
                    source.Position = fromStart ? source.Start : source.StartOfLast(lines);
                fromStart = true;

                if (source?.ReadNext() is { Length: > 0 } chunk)
                {
                    if (source.SkippedBytes)
                        splitter.SkipToNextLine();
                    foreach (var line in splitter.Add(chunk))
                        yield return line;
                    continue;
                }

                if (source is not null && !source.IsStill(path))
                {
                    source.Dispose();
                    source = null;
                    if (splitter.TakeRest() is { } rest)
                        yield return rest;
                    continue;
                }

                await Task.Delay(PollInterval, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
        finally
        {
            source?.Dispose();
        }
    }

    /// <summary>One opened log file and a place in its stream that cuts do not move.</summary>
    private sealed class LogSource : IDisposable
    {
        private readonly SafeFileHandle _file;
        private readonly byte[] _chunk = new byte[ChunkSize];

        private LogSource(SafeFileHandle file) => _file = file;

        /// <summary>In the whole stream, from the first byte ever written.</summary>
        public long Position { get; set; }

        /// <summary>True when the last read had to leave out what was cut off before it was read, so it begins inside a line.</summary>
        public bool SkippedBytes { get; private set; }

        /// <summary>The place of the first byte that is still there.</summary>
        public long Start => Stable(cut => cut);

        private int Descriptor => (int)_file.DangerousGetHandle();

        public static LogSource? TryOpen(string path)
        {
            Platform.Require();
            var descriptor = Libc.Open(path, Libc.O_RDONLY | Libc.O_CLOEXEC, 0);
            if (descriptor >= 0)
                return new LogSource(new SafeFileHandle(descriptor, ownsHandle: true));
            var error = Marshal.GetLastPInvokeError();
            return error == Libc.ENOENT ? null : throw new ConclaveException($"cannot read {path}: {Libc.ErrorText(error)}; check its permissions");
        }

        /// <summary>The next bytes, empty at the end. What was cut off before it was read is skipped.</summary>
        public ReadOnlyMemory<byte> ReadNext() => Stable(cut =>
        {
            // Where the cut cannot be recorded (no extended attributes), a file that got shorter is the only sign of it.
            SkippedBytes = Position < cut || Position > cut + RandomAccess.GetLength(_file);
            if (SkippedBytes)
                Position = cut;
            var count = RandomAccess.Read(_file, _chunk, Position - cut);
            Position += count;
            return _chunk.AsMemory(0, count);
        });

        /// <summary>The place where the last so many lines begin.</summary>
        public long StartOfLast(int lines) => Stable(cut =>
        {
            var end = RandomAccess.GetLength(_file);
            if (lines <= 0)
                return cut + end;

            // A newline at the very end closes the last line and begins none.
            var wanted = lines;
            var offset = end;
            var buffer = new byte[ChunkSize];
            while (offset > 0)
            {
                var size = (int)Math.Min(ChunkSize, offset);
                offset -= size;
                var count = RandomAccess.Read(_file, buffer.AsSpan(0, size), offset);
                for (var i = count - 1; i >= 0; i--)
                {
                    if (buffer[i] == (byte)'\n' && offset + i != end - 1 && --wanted == 0)
                        return cut + offset + i + 1;
                }
            }

            return cut;
        });

        /// <summary>False when the path now names another file. The link of an open file in /proc changes when the file is renamed or deleted.</summary>
        public bool IsStill(string path)
        {
            using var now = TryOpen(path);
            return now is null || string.Equals(LinkOf(now), LinkOf(this), StringComparison.Ordinal);
        }

        public void Dispose() => _file.Dispose();

        private static string? LinkOf(LogSource source) =>
            new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{source.Descriptor}")).LinkTarget;

        /// <summary>Runs <paramref name="read"/> with the cut as it is, while no cut can happen. The trimmer tries again later rather than wait for us.</summary>
        private T Stable<T>(Func<long, T> read)
        {
            // A trimmer that was stopped with the lock must not hang every reader: after a second the place may be wrong, but lines come.
            var spin = default(SpinWait);
            var started = Environment.TickCount64;
            while (!LogCut.TryLock(Descriptor, exclusive: false) && Environment.TickCount64 - started < LockPatienceMilliseconds)
                spin.SpinOnce();
            try
            {
                return read(LogCut.Read(Descriptor));
            }
            finally
            {
                LogCut.Unlock(Descriptor);
            }
        }
    }

    /// <summary>Cuts a stream of bytes into lines without their ends; keeps the last unfinished one for the next bytes.</summary>
    private sealed class LineSplitter(int maxLineBytes)
    {
        private readonly List<byte> _rest = [];
        private bool _skipping;

        public List<string> Add(ReadOnlyMemory<byte> chunk)
        {
            var lines = new List<string>();
            foreach (var b in chunk.Span)
            {
                if (b == (byte)'\n')
                {
                    if (!_skipping)
                        lines.Add(Take());
                    _skipping = false;
                    continue;
                }

                if (_skipping)
                    continue;

                _rest.Add(b);
                if (_rest.Count >= maxLineBytes)
                    lines.Add(Take());
            }

            return lines;
        }

        /// <summary>Bytes are missing here: neither the unfinished line nor the rest of the one we land in is a line.</summary>
        public void SkipToNextLine()
        {
            _rest.Clear();
            _skipping = true;
        }

        public string? TakeRest() => _rest.Count == 0 ? null : Take();

        private string Take()
        {
            var span = CollectionsMarshal.AsSpan(_rest);
            if (span is [.., (byte)'\r'])
                span = span[..^1];
            var line = Encoding.UTF8.GetString(span);
            _rest.Clear();
            return line;
        }
    }
}

using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Conclave.Orchestration.Events;

/// <summary>Appends a node's events to <c>&lt;directory&gt;/&lt;first sequence&gt;.jsonl</c>. Thread-safe. There is one writer per directory, held by
/// whoever holds the node's lock. Lines reach the kernel before <see cref="Append"/> returns, so they survive the end of the process; they are
/// not flushed to the disk, for an event tells what happened and nothing is decided from it.</summary>
public sealed class EventLog : IDisposable
{
    private readonly Lock _lock = new();
    private readonly string _directory;
    private readonly string _node;
    private readonly TimeProvider _time;
    private readonly EventLogOptions _options;
    private FileStream _segment;
    private long _next;

    /// <summary>Opens the log, creating its directory, and cuts a last line that was torn by a kill.</summary>
    public EventLog(string directory, string node, TimeProvider? time = null, EventLogOptions? options = null)
    {
        _directory = directory;
        _node = node;
        _time = time ?? TimeProvider.System;
        _options = options ?? new EventLogOptions();
        Directory.CreateDirectory(directory);
        var segments = SegmentsOf(directory);
        _next = segments.Count == 0 ? 1 : FirstSequence(segments[^1]);
        _segment = OpenSegment(segments.Count == 0 ? PathOf(_next) : segments[^1]);
        if (_segment.Length > 0)
            Recover();
    }

    /// <summary>Where a node whose directory is given keeps its events.</summary>
    public static string DirectoryOf(string nodeDirectory) => Path.Combine(nodeDirectory, "events");

    /// <summary>Writes one event. A disk that is full or broken loses it: an event is never worth the node.</summary>
    /// <returns>The event as written.</returns>
    public ClusterEvent Append(string kind, string subject, ulong term = 0, string why = "", JsonObject? data = null)
    {
        lock (_lock)
        {
            var happened = new ClusterEvent
            {
                Id = string.Create(CultureInfo.InvariantCulture, $"{_node}.{_next}"),
                Time = _time.GetUtcNow(),
                MonoNs = Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency),
                Node = _node,
                Kind = kind,
                Subject = subject,
                Term = term,
                Why = why.Length > _options.WhyLength ? why[.._options.WhyLength] : why,
                Data = data,
            };
            try
            {
                if (_segment.Length >= _options.SegmentBytes)
                    Roll();
                _segment.Write([.. happened.ToJson(), (byte)'\n']);
                _next++;
            }
            catch (IOException)
            {
                Lost++;
            }

            return happened;
        }
    }

    /// <summary>Events that the disk refused since the log was opened.</summary>
    public long Lost { get; private set; }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
            _segment.Dispose();
    }

    /// <summary>The segments of a log, oldest first; empty when there is no log.</summary>
    internal static List<string> SegmentsOf(string directory) =>
        Directory.Exists(directory)
            ? [.. Directory.EnumerateFiles(directory, "*.jsonl").Where(path => FirstSequence(path) > 0).OrderBy(FirstSequence)]
            : [];

    internal static long FirstSequence(string path) =>
        long.TryParse(Path.GetFileNameWithoutExtension(path), NumberStyles.None, CultureInfo.InvariantCulture, out var first) ? first : 0;

    private string PathOf(long first) => Path.Combine(_directory, first.ToString("D12", CultureInfo.InvariantCulture) + ".jsonl");

    // Unbuffered: one write call per event. Readers may have the file open, and a segment may be deleted under them.
    private static FileStream OpenSegment(string path) =>
        new(path, new FileStreamOptions
        {
            Mode = FileMode.OpenOrCreate,
            Access = FileAccess.ReadWrite,
            Share = FileShare.ReadWrite | FileShare.Delete,
            BufferSize = 0,
        });

    private void Recover()
    {
        var content = new byte[_segment.Length];
        _segment.ReadExactly(content);
        var whole = content.AsSpan(0, content.AsSpan().LastIndexOf((byte)'\n') + 1);
        _segment.SetLength(whole.Length);
        _segment.Seek(0, SeekOrigin.End);
        foreach (var line in whole.Split((byte)'\n'))
        {
            if (ClusterEvent.Parse(whole[line]) is { } read)
                _next = Math.Max(_next, read.Sequence + 1);
        }
    }

    private void Roll()
    {
        var next = OpenSegment(PathOf(_next));
        _segment.Dispose();
        _segment = next;
        foreach (var old in SegmentsOf(_directory).SkipLast(_options.Segments))
            File.Delete(old);
    }
}

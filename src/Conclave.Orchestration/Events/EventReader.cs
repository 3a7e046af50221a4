using System.Runtime.CompilerServices;

namespace Conclave.Orchestration.Events;

/// <summary>Reads the events of several nodes as one story. Never writes, needs no node alive.</summary>
public static class EventReader
{
    /// <summary>All events that the logs still hold, by time, then node, then sequence. An absent directory is an empty log.</summary>
    public static List<ClusterEvent> Read(IEnumerable<string> directories)
    {
        var events = new List<ClusterEvent>();
        foreach (var directory in directories)
            new Cursor(directory).ReadNew(events);
        events.Sort(ByTime);
        return events;
    }

    /// <summary>The last <paramref name="last"/> events, then each new one. Events seen in one round are in order; one that reaches its file
    /// later than a younger event of another node is not held back for.</summary>
    /// <param name="directories">Asked again each round, so that a node that is added is followed too.</param>
    /// <param name="last">How much of the past comes first.</param>
    /// <param name="interval">How often the files are looked at.</param>
    /// <param name="time">The clock of <paramref name="interval"/>.</param>
    /// <param name="stopping">Ends the sequence without an exception.</param>
    public static async IAsyncEnumerable<ClusterEvent> FollowAsync(
        Func<IEnumerable<string>> directories,
        int last,
        TimeSpan interval,
        TimeProvider time,
        [EnumeratorCancellation] CancellationToken stopping)
    {
        var cursors = new SortedDictionary<string, Cursor>(StringComparer.Ordinal);
        var skip = true;
        while (!stopping.IsCancellationRequested)
        {
            foreach (var directory in directories())
                cursors.TryAdd(directory, new Cursor(directory));
            var round = new List<ClusterEvent>();
            foreach (var cursor in cursors.Values)
                cursor.ReadNew(round);
            round.Sort(ByTime);
            foreach (var happened in skip ? round.TakeLast(last) : round)
                yield return happened;
            skip = false;
            await Task.Delay(interval, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static int ByTime(ClusterEvent a, ClusterEvent b)
    {
        var order = a.Time.CompareTo(b.Time);
        order = order != 0 ? order : string.CompareOrdinal(a.Node, b.Node);
        return order != 0 ? order : a.Sequence.CompareTo(b.Sequence);
    }

    // Remembers how far one log was read. Segments only grow at their end or vanish from the front, so a file and an offset are enough.
    private sealed class Cursor(string directory)
    {
        private long _segment;
        private long _offset;

        public void ReadNew(List<ClusterEvent> into)
        {
            foreach (var path in EventLog.SegmentsOf(directory))
            {
                var first = EventLog.FirstSequence(path);
                if (first < _segment)
                    continue;
                if (first > _segment)
                    (_segment, _offset) = (first, 0);
                ReadSegment(path, into);
            }
        }

        private void ReadSegment(string path, List<ClusterEvent> into)
        {
            try
            {
                using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
                if (file.Length <= _offset)
                    return;
                file.Seek(_offset, SeekOrigin.Begin);
                var content = new byte[file.Length - _offset];
                var read = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);

                // A last line without its end is still being written: the next round reads it.
                var whole = content.AsSpan(0, content.AsSpan(0, read).LastIndexOf((byte)'\n') + 1);
                foreach (var line in whole.Split((byte)'\n'))
                {
                    if (ClusterEvent.Parse(whole[line]) is { } happened)
                        into.Add(happened);
                }

                _offset += whole.Length;
            }
            catch (FileNotFoundException)
            {
                // Dropped by its writer between the listing and the open: its events are beyond the bound.
            }
        }
    }
}

namespace Conclave.Consensus.Raft;

/// <summary>
/// The entries since the last compaction, in memory:
/// <code>
///   ..... Start | Start+1 ....... Persisted | ....... Taken | ....... Last
///   dropped     | durable here              | being written | new
/// </code>
/// A slot of the array, once written, is never written again (truncation and compaction move to a new array). That is why
/// views of it can go out in messages and in <see cref="Ready"/> without a copy.
/// </summary>
internal sealed class RaftLog
{
    /// <summary>What an entry costs besides its data when bytes are counted, so that empty ones are not free.</summary>
    public const int EntryOverheadBytes = 24;

    private const int InitialCapacity = 16;

    private Entry[] _entries = [];
    private int _count;

    public RaftLog(SnapshotMark? snapshot, IReadOnlyList<Entry> entries)
    {
        Snapshot = snapshot;
        Start = snapshot?.Last ?? default;
        foreach (var entry in Surviving(Start, entries))
            Append(entry);
        Persisted = Taken = Last.Index;
    }

    /// <summary>The last entry that is no longer held: what the first one held comes after.</summary>
    public EntryId Start { get; private set; }

    /// <summary>The newest snapshot. At or after <see cref="Start"/>.</summary>
    public SnapshotMark? Snapshot { get; private set; }

    /// <summary>This peer's disk is known to hold everything up to here.</summary>
    public LogIndex Persisted { get; private set; }

    /// <summary>Everything up to here has been handed out to be written.</summary>
    public LogIndex Taken { get; private set; }

    public EntryId Last => _count == 0 ? Start : _entries[_count - 1].Id;

    public static long SizeOf(in Entry entry) => EntryOverheadBytes + entry.Data.Length;

    /// <summary>The term of the entry at <paramref name="index"/>; null when it is dropped or not there yet.</summary>
    public Term? TermAt(LogIndex index)
    {
        if (index == Start.Index)
            return Start.Term;
        if (index < Start.Index || index > Last.Index)
            return null;
        return _entries[Slot(index)].Term;
    }

    public bool Holds(EntryId id) => TermAt(id.Index) == id.Term;

    public void Append(in Entry entry)
    {
        Invariant.Require(entry.Index == Last.Index.Next, "the log has no gap");
        Invariant.Require(entry.Term >= Last.Term, "terms in a log never decrease");
        if (_count == _entries.Length)
            Array.Resize(ref _entries, Math.Max(InitialCapacity, _count * 2));
        _entries[_count++] = entry;
    }

    /// <summary>Removes everything from <paramref name="index"/> on: it conflicts with the leader's log (Raft §5.3).</summary>
    public void TruncateFrom(LogIndex index)
    {
        Invariant.Require(index > Start.Index, "what was compacted is never truncated");
        _count = Slot(index);
        _entries = _entries.AsSpan(0, _count).ToArray();
        var kept = index.Previous;
        if (Persisted > kept)
            Persisted = kept;
        if (Taken > kept)
            Taken = kept;
    }

    /// <summary>A view of the entries from <paramref name="first"/> through <paramref name="last"/>, cut at <paramref name="maxBytes"/> but never empty when there is an entry.</summary>
    public ArraySegment<Entry> Slice(LogIndex first, LogIndex last, long maxBytes = long.MaxValue)
    {
        if (first > last)
            return ArraySegment<Entry>.Empty;
        var from = Slot(first);
        var through = Slot(last);
        if (maxBytes == long.MaxValue)
            return new ArraySegment<Entry>(_entries, from, through - from + 1);
        var bytes = SizeOf(_entries[from]);
        var end = from + 1;
        for (; end <= through; end++)
        {
            bytes += SizeOf(_entries[end]);
            if (bytes > maxBytes)
                break;
        }

        return new ArraySegment<Entry>(_entries, from, end - from);
    }

    /// <summary>Hands out what has not been handed out to be written.</summary>
    public ArraySegment<Entry> TakeUnwritten()
    {
        var unwritten = Slice(Taken.Next, Last.Index);
        Taken = Last.Index;
        return unwritten;
    }

    /// <summary>
    /// The write that ended with <paramref name="last"/> is durable. Should the log have been truncated meanwhile, it no longer holds
    /// that entry and nothing is claimed; an id names one entry and everything before it, so a match proves the whole.
    /// </summary>
    public void WasPersisted(EntryId last)
    {
        if (last.Index > Persisted && Holds(last))
            Persisted = last.Index;
    }

    /// <summary>
    /// The last entry at or before <paramref name="index"/> whose term is at most <paramref name="term"/>: where a log that has
    /// <paramref name="term"/> at <paramref name="index"/> can agree with this one at best. Whole terms are skipped at a time, so two logs find their
    /// common part in as many steps as they have differing terms (Raft §5.3, last paragraphs). Below what is held there is no
    /// knowledge: then the index itself, with term 0.
    /// </summary>
    public EntryId LastNotAfter(LogIndex index, Term term)
    {
        if (index < Start.Index)
            return new EntryId(default, index);
        var low = 0;
        var high = index > Last.Index ? _count : (int)(index.Value - Start.Index.Value);
        while (low < high)
        {
            var middle = low + ((high - low) / 2);
            if (_entries[middle].Term <= term)
                low = middle + 1;
            else
                high = middle;
        }

        return low == 0 ? Start : _entries[low - 1].Id;
    }

    /// <summary>Drops entries through <paramref name="index"/>. A copy of what stays, so that what goes can be freed.</summary>
    public void Compact(SnapshotMark mark, LogIndex index)
    {
        if (Snapshot is null || mark.Last.Index > Snapshot.Last.Index)
            Snapshot = mark;
        if (index <= Start.Index)
            return;
        var term = TermAt(index);
        Invariant.Require(term is not null, "only what is held is compacted");
        var drop = Slot(index) + 1;
        _entries = _entries.AsSpan(drop, _count - drop).ToArray();
        _count = _entries.Length;
        Start = new EntryId(term.Value, index);
    }

    /// <summary>A durable snapshot replaces everything.</summary>
    public void Reset(SnapshotMark mark)
    {
        _entries = [];
        _count = 0;
        Start = mark.Last;
        Snapshot = mark;
        Persisted = Taken = mark.Last.Index;
    }

    private static IEnumerable<Entry> Surviving(EntryId snapshot, IReadOnlyList<Entry> entries)
    {
        // 1. A log was 1..10 of term 1. 2. The leader's snapshot, ending in 8 of term 3, was made durable. 3. The process died before
        // its log was started anew. What follows 8 in that log follows another entry than the snapshot's: none of it is ours.
        foreach (var entry in entries)
        {
            if (entry.Index == snapshot.Index && entry.Term != snapshot.Term)
                return [];
        }

        return entries.Where(entry => entry.Index > snapshot.Index);
    }

    private int Slot(LogIndex index) => (int)(index.Value - Start.Index.Value - 1);
}

using Conclave.Consensus;

namespace Conclave.Store.Mvcc;

/// <summary>
/// Writing: any number of <see cref="Put"/> and <see cref="Delete"/>, each visible to reads at "now" at once, then one <see cref="Commit"/>. Nothing
/// here can be refused: who writes has checked before.
/// </summary>
public sealed partial class MvccStore
{
    /// <summary>What a version costs beside key and value: object, array and index entries, rounded up.</summary>
    private const int VersionOverhead = 160;

    private readonly List<StoreEvent> _committed = [];

    // Events from here on belong to the transaction that is still writing.
    private long _committedEnd;

    // Everything before this position of the log has been trimmed for the compaction at hand.
    private long _trimmed;

    /// <summary>Copies key and value. Returns what was there before.</summary>
    internal KeyValue? Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, LeaseId lease)
    {
        var history = _index.FindOrAdd(key);
        var previous = history.Live;
        var revision = Current.Next;
        var kv = previous is null
            ? new KeyValue(history.Key, value.ToArray(), revision, revision, 1, lease)
            : new KeyValue(history.Key, value.ToArray(), previous.CreateRevision, revision, previous.Version + 1, lease);
        Record(history, kv, previous);
        return previous;
    }

    /// <summary>Deletes what the range holds now; adds what it held to <paramref name="deleted"/>, in the order of keys.</summary>
    internal long Delete(KeyRange keys, List<KeyValue>? deleted)
    {
        if (keys.IsSingle)
            return _index.Find(keys.Key.Span) is { } single ? DeleteOne(single, deleted) : 0;
        long count = 0;
        foreach (var history in _index.From(keys.Key))
        {
            if (keys.EndsBefore(history.Key))
                break;
            count += DeleteOne(history, deleted);
        }

        return count;
    }

    /// <summary>
    /// Makes what was written since the last commit one revision, if there was anything. Returns its events, sub-revision by sub-revision; the list is valid until
    /// the next commit.
    /// </summary>
    internal IReadOnlyList<StoreEvent> Commit()
    {
        _committed.Clear();
        if (_committedEnd == _log.End)
            return _committed;
        Current = Current.Next;
        for (; _committedEnd < _log.End; _committedEnd++)
            _committed.Add(_log[_committedEnd]);
        return _committed;
    }

    /// <summary>Forgets history before <paramref name="revision"/> for readers at once; <see cref="Trim"/> gives the memory back bit by bit.</summary>
    internal StoreError Compact(Revision revision)
    {
        if (revision <= Compacted)
            return StoreError.Compacted;
        if (revision > Current)
            return StoreError.FutureRevision;
        Compacted = revision;
        return StoreError.None;
    }

    /// <summary>
    /// Gives back the memory of compacted history, at most <paramref name="events"/> of them, so that compacting a million revisions does not stop the replica
    /// for longer than an election timeout. True when there is more to do.
    /// </summary>
    internal bool Trim(int events)
    {
        for (; IsGarbage(_trimmed); _trimmed++)
        {
            if (events-- == 0)
                return true;
            TrimKey(_log.HistoryAt(_trimmed));
        }

        // Events of the compacted revision itself stay: a watch may start there.
        if (_log.First < _trimmed)
            _log.DropBefore(Math.Min(_trimmed, _log.PositionOf(Compacted)));
        return false;
    }

    private bool IsGarbage(long position) => position < _log.End && _log[position].Kv.ModRevision <= Compacted;

    private void TrimKey(KeyHistory history)
    {
        var (versions, bytes) = history.Trim(Compacted);
        SizeInBytes -= bytes + ((long)versions * VersionOverhead);

        // 1. A key is deleted, compacted, and its history leaves the index here. 2. It is put again: a second history. 3. A later event of the first comes
        // up: that history was empty already and must not take the second one's place in the index with it.
        if (versions > 0 && history.IsEmpty)
            _index.Remove(history.Key);
    }

    private int DeleteOne(KeyHistory history, List<KeyValue>? deleted)
    {
        if (history.Live is not { } previous)
            return 0;
        deleted?.Add(previous);
        Record(history, KeyValue.Tombstone(history.Key, Current.Next), previous);
        return 1;
    }

    private void Record(KeyHistory history, KeyValue version, KeyValue? previous)
    {
        history.Append(version);
        SizeInBytes += SizeOf(version);
        _log.Append(new StoreEvent(version, previous), history);
    }

    private static long SizeOf(KeyValue version) => version.Key.Length + version.Value.Length + VersionOverhead;
}

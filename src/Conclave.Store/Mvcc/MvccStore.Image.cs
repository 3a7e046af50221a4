using Conclave.Consensus;

namespace Conclave.Store.Mvcc;

/// <summary>
/// The whole store, as of one moment. <paramref name="Base"/>: what keys held at the compaction, last written before it, by key. <paramref name="History"/>: every version
/// since the compacted revision, tombstones among them, in order. References to immutable versions, so taking one costs no copy of the values.
/// </summary>
internal sealed record StoreImage(Revision Current, Revision Compacted, IReadOnlyList<KeyValue> Base, IReadOnlyList<KeyValue> History);

/// <summary>Taking and installing an image.</summary>
public sealed partial class MvccStore
{
    internal StoreImage TakeImage()
    {
        var held = new List<KeyValue>(_index.Count);
        foreach (var history in _index.From(default))
        {
            var visible = history.Visible(Compacted);
            if (!visible.IsEmpty && visible[0].ModRevision < Compacted)
                held.Add(visible[0]);
        }

        var first = _log.PositionOf(Compacted);
        var changes = new KeyValue[_log.End - first];
        for (var i = 0; i < changes.Length; i++)
            changes[i] = _log[first + i].Kv;
        return new StoreImage(Current, Compacted, held, changes);
    }

    /// <summary>Replaces everything.</summary>
    internal void Install(StoreImage image)
    {
        _index = new BTreeKeyIndex();
        _log = new RevisionLog();
        _trimmed = 0;
        SizeInBytes = 0;
        Current = image.Current;
        Compacted = image.Compacted;
        foreach (var version in image.Base)
            Reinstate(_index.FindOrAdd(version.Key.Span), version);
        foreach (var version in image.History)
            ReinstateEvent(version);
        _committedEnd = _log.End;
    }

    private void ReinstateEvent(KeyValue version)
    {
        // A tombstone of the compacted revision itself is known to watchers only: no reader can tell it from nothing.
        if (version.IsTombstone && version.ModRevision <= Compacted)
        {
            _log.Append(new StoreEvent(version, Previous: null), new KeyHistory(version.Key.ToArray()));
            return;
        }

        var history = _index.FindOrAdd(version.Key.Span);
        var previous = history.Live;
        Reinstate(history, version);
        _log.Append(new StoreEvent(version, previous), history);
    }

    private void Reinstate(KeyHistory history, KeyValue version)
    {
        history.Append(version);
        SizeInBytes += SizeOf(version);
    }
}

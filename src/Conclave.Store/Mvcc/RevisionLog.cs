namespace Conclave.Store.Mvcc;

/// <summary>
/// Every event since the compaction in the order of its revision: what watchers that lag read. A ring; positions count from the first event ever
/// appended, so that they stay valid while the front is dropped.
/// </summary>
internal sealed class RevisionLog
{
    private (StoreEvent Change, KeyHistory History)[] _ring = new (StoreEvent, KeyHistory)[16];

    /// <summary>The position of the oldest event that is kept.</summary>
    public long First { get; private set; }

    /// <summary>The position after the newest.</summary>
    public long End { get; private set; }

    public StoreEvent this[long position] => _ring[position & (_ring.Length - 1)].Change;

    /// <summary>Where the event's version was put, which saves whoever trims it the way through the index.</summary>
    public KeyHistory HistoryAt(long position) => _ring[position & (_ring.Length - 1)].History;

    public void Append(StoreEvent change, KeyHistory history)
    {
        if (End - First == _ring.Length)
            Grow();
        _ring[End++ & (_ring.Length - 1)] = (change, history);
    }

    /// <summary>The position of the first event at or after <paramref name="revision"/>.</summary>
    public long PositionOf(Revision revision)
    {
        var (low, high) = (First, End);
        while (low < high)
        {
            var middle = low + ((high - low) >>> 1);
            if (this[middle].Kv.ModRevision < revision)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    public void DropBefore(long position)
    {
        for (; First < position; First++)
            _ring[First & (_ring.Length - 1)] = default;
    }

    private void Grow()
    {
        var ring = new (StoreEvent, KeyHistory)[_ring.Length * 2];
        for (var position = First; position < End; position++)
            ring[position & (ring.Length - 1)] = _ring[position & (_ring.Length - 1)];
        _ring = ring;
    }
}

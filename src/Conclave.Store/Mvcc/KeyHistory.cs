using Conclave.Consensus;

namespace Conclave.Store.Mvcc;

/// <summary>The versions of one key that are still kept, oldest first, tombstones among them. Never empty once it is in the index.</summary>
internal sealed class KeyHistory(byte[] key)
{
    // A key in one of these arrays has been written at most once per revision, or last write wins for readers: both ascend by mod revision.
    private KeyValue[] _versions = new KeyValue[1];
    private int _count;

    public byte[] Key { get; } = key;

    public bool IsEmpty => _count == 0;

    /// <summary>The newest version unless it is a deletion.</summary>
    public KeyValue? Live => _count > 0 && !_versions[_count - 1].IsTombstone ? _versions[_count - 1] : null;

    public void Append(KeyValue version)
    {
        Invariant.Require(_count == 0 || _versions[_count - 1].ModRevision <= version.ModRevision, "The versions of a key ascend");
        if (_count == _versions.Length)
            Array.Resize(ref _versions, Math.Max(2, _count * 2));
        _versions[_count++] = version;
    }

    /// <summary>What the key held at <paramref name="revision"/>; null: nothing.</summary>
    public KeyValue? At(Revision revision)
    {
        if (_count > 0 && _versions[_count - 1].ModRevision <= revision)
            return Live;
        var after = CountThrough(revision);
        return after > 0 && !_versions[after - 1].IsTombstone ? _versions[after - 1] : null;
    }

    /// <summary>
    /// The versions that readers from <paramref name="compacted"/> on can tell apart: what it held then, and every version since. Does not depend on
    /// how far the trimming of older ones has come.
    /// </summary>
    public ReadOnlySpan<KeyValue> Visible(Revision compacted) => _versions.AsSpan(FirstVisible(compacted), _count - FirstVisible(compacted));

    /// <summary>Drops what <see cref="Visible"/> leaves out. Returns the bytes of keys and values that went, and how many versions.</summary>
    public (int Versions, long Bytes) Trim(Revision compacted)
    {
        var first = FirstVisible(compacted);
        if (first == 0)
            return (0, 0);
        long bytes = 0;
        foreach (var dropped in _versions.AsSpan(0, first))
            bytes += dropped.Key.Length + dropped.Value.Length;
        var left = _count - first;
        if (left * 4 < _versions.Length)
        {
            _versions = _versions.AsSpan(first, left).ToArray();
        }
        else
        {
            Array.Copy(_versions, first, _versions, 0, left);
            Array.Clear(_versions, left, first);
        }

        _count = left;
        return (first, bytes);
    }

    private int FirstVisible(Revision compacted)
    {
        var after = CountThrough(compacted);
        return after > 0 && !_versions[after - 1].IsTombstone ? after - 1 : after;
    }

    private int CountThrough(Revision revision)
    {
        var (low, high) = (0, _count);
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            if (_versions[middle].ModRevision <= revision)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }
}

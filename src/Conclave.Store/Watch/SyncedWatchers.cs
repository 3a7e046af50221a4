using Conclave.Consensus;
using Conclave.Store.Mvcc;

namespace Conclave.Store.Watch;

/// <summary>
/// Finds the watchers that an event concerns without asking all of them. Those of one key are found by its hash. Those of ranges stand in one array, sorted
/// by start, read as a balanced tree (the middle is the root) in which each node knows the largest end below it: whatever ends at or before the key is skipped as
/// a whole, and so is whatever starts after it. Watchers of equal ranges, the usual case, share a node.
/// </summary>
internal sealed class SyncedWatchers
{
    private readonly Dictionary<ReadOnlyMemory<byte>, Group> _keys = new(KeyOrder.Instance);
    private readonly Dictionary<KeyRange, Group> _ranges = [];

    // A picture of _ranges, renewed when a range is new or half of the picture is of ranges that nobody watches.
    private Group[] _tree = [];
    private bool _stale;
    private int _empty;

    public int Count { get; private set; }

    public void Add(Watcher watcher)
    {
        GroupOf(watcher.Spec.Keys).Add(watcher);
        Count++;
    }

    public void Remove(Watcher watcher)
    {
        var keys = watcher.Spec.Keys;
        var group = keys.IsSingle ? _keys[keys.Key] : _ranges[keys];
        group.Remove(watcher);
        Count--;
        if (!group.IsEmpty)
            return;
        if (keys.IsSingle)
            _keys.Remove(keys.Key);
        else if (++_empty > 16 && _empty > _ranges.Count / 2)
            _stale = true;
    }

    public IEnumerable<Watcher> All => _keys.Values.Concat(_ranges.Values).SelectMany(group => group.Watchers);

    /// <summary>Adds the groups that watch <paramref name="key"/>.</summary>
    public void Match(ReadOnlyMemory<byte> key, List<Group> found)
    {
        if (_keys.TryGetValue(key, out var exact))
            found.Add(exact);
        if (_ranges.Count == 0)
            return;
        if (_stale)
            Rebuild();
        Stab(0, _tree.Length, key.Span, found);
    }

    private Group GroupOf(KeyRange keys)
    {
        if (keys.IsSingle)
        {
            if (!_keys.TryGetValue(keys.Key, out var single))
                _keys.Add(keys.Key, single = new Group(keys));
            return single;
        }

        if (!_ranges.TryGetValue(keys, out var group))
        {
            _ranges.Add(keys, group = new Group(keys));
            _stale = true;
        }
        else if (group.IsEmpty)
        {
            _empty--;
        }

        return group;
    }

    private void Stab(int low, int high, ReadOnlySpan<byte> key, List<Group> found)
    {
        while (low < high)
        {
            var middle = (low + high) >>> 1;
            var group = _tree[middle];
            if (group.Farthest.EndsBefore(key))
                return;
            Stab(low, middle, key, found);
            if (key.SequenceCompareTo(group.Keys.Key.Span) < 0)
                return;
            if (!group.IsEmpty && !group.Keys.EndsBefore(key))
                found.Add(group);
            low = middle + 1;
        }
    }

    private void Rebuild()
    {
        foreach (var (keys, _) in _ranges.Where(pair => pair.Value.IsEmpty).ToList())
            _ranges.Remove(keys);
        _tree = [.. _ranges.Values.OrderBy(group => group.Keys.Key, KeyOrder.Instance)];
        if (_tree.Length > 0)
            SetFarthest(0, _tree.Length);
        (_stale, _empty) = (false, 0);
    }

    private KeyRange SetFarthest(int low, int high)
    {
        var middle = (low + high) >>> 1;
        var farthest = _tree[middle].Keys;
        if (low < middle)
            farthest = Later(farthest, SetFarthest(low, middle));
        if (middle + 1 < high)
            farthest = Later(farthest, SetFarthest(middle + 1, high));
        return _tree[middle].Farthest = farthest;
    }

    /// <summary>The one that ends later.</summary>
    private static KeyRange Later(KeyRange left, KeyRange right)
    {
        if (left.IsUnbounded)
            return left;
        return right.IsUnbounded || right.End.Span.SequenceCompareTo(left.End.Span) > 0 ? right : left;
    }

    /// <summary>The watchers of one key or one range.</summary>
    internal sealed class Group(KeyRange keys)
    {
        private readonly List<Watcher> _watchers = [];

        public KeyRange Keys { get; } = keys;

        public IReadOnlyList<Watcher> Watchers => _watchers;

        public bool IsEmpty => _watchers.Count == 0;

        /// <summary>The range that ends last in this subtree.</summary>
        public KeyRange Farthest { get; set; }

        public void Add(Watcher watcher)
        {
            watcher.Slot = _watchers.Count;
            _watchers.Add(watcher);
        }

        public void Remove(Watcher watcher)
        {
            Invariant.Require(ReferenceEquals(_watchers[watcher.Slot], watcher), "A watcher knows its slot");
            var last = _watchers[^1];
            (_watchers[watcher.Slot], last.Slot) = (last, watcher.Slot);
            _watchers.RemoveAt(_watchers.Count - 1);
        }
    }
}

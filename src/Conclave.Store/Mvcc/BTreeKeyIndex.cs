using Conclave.Consensus;

namespace Conclave.Store.Mvcc;

/// <summary>
/// A B+tree: keys and histories in the leaves, which are chained; separators above them. A node that is full is split in two halves, a leaf is taken out
/// when it is empty ("free at empty": with more inserts than deletes, as here, merging half-full nodes buys little).
/// </summary>
internal sealed class BTreeKeyIndex : IKeyIndex
{
    private const int Fanout = 64;

    private Node _root = new Leaf();

    public int Count { get; private set; }

    public KeyHistory? Find(ReadOnlySpan<byte> key)
    {
        var leaf = LeafOf(key);
        var at = leaf.LowerBound(key);
        return leaf.Holds(at, key) ? leaf.Histories[at] : null;
    }

    public KeyHistory FindOrAdd(ReadOnlySpan<byte> key)
    {
        var leaf = LeafOf(key);
        var at = leaf.LowerBound(key);
        if (leaf.Holds(at, key))
            return leaf.Histories[at];

        var added = new KeyHistory(key.ToArray());
        Count++;
        if (Insert(_root, added) is { } split)
        {
            var root = new Branch { Count = 2 };
            (root.Children[0], root.Children[1], root.Keys[0]) = (_root, split.Right, split.Separator);
            _root = root;
        }

        return added;
    }

    public void Remove(ReadOnlySpan<byte> key)
    {
        if (!Remove(_root, key))
            return;
        Count--;
        while (_root is Branch { Count: 1 } branch)
            _root = branch.Children[0];
        if (_root is Branch { Count: 0 })
            _root = new Leaf();
    }

    public IEnumerable<KeyHistory> From(ReadOnlyMemory<byte> start)
    {
        var leaf = LeafOf(start.Span);
        var at = leaf.LowerBound(start.Span);
        for (var current = leaf; current is not null; current = current.Next, at = 0)
        {
            for (; at < current.Count; at++)
                yield return current.Histories[at];
        }
    }

    private Leaf LeafOf(ReadOnlySpan<byte> key)
    {
        var node = _root;
        while (node is Branch branch)
            node = branch.Children[branch.ChildOf(key)];
        return (Leaf)node;
    }

    private static Split? Insert(Node node, KeyHistory added)
    {
        if (node is Leaf leaf)
            return leaf.Insert(added);
        var branch = (Branch)node;
        var child = branch.ChildOf(added.Key);
        return Insert(branch.Children[child], added) is { } split ? branch.Insert(child, split) : null;
    }

    private static bool Remove(Node node, ReadOnlySpan<byte> key)
    {
        if (node is Leaf leaf)
            return leaf.Remove(key);
        var branch = (Branch)node;
        var at = branch.ChildOf(key);
        var child = branch.Children[at];
        if (!Remove(child, key))
            return false;
        if (child.Count == 0)
        {
            (child as Leaf)?.Unchain();
            branch.RemoveChild(at);
        }

        return true;
    }

    /// <summary>A node became two: everything in the new one is at or above the separator.</summary>
    private sealed record Split(byte[] Separator, Node Right);

    private abstract class Node
    {
        /// <summary>Keys of a leaf, children of a branch.</summary>
        public int Count;
    }

    private sealed class Leaf : Node
    {
        public readonly byte[][] Keys = new byte[Fanout][];
        public readonly KeyHistory[] Histories = new KeyHistory[Fanout];
        public Leaf? Previous;
        public Leaf? Next;

        public int LowerBound(ReadOnlySpan<byte> key)
        {
            var (low, high) = (0, Count);
            while (low < high)
            {
                var middle = (low + high) >>> 1;
                if (Keys[middle].AsSpan().SequenceCompareTo(key) < 0)
                    low = middle + 1;
                else
                    high = middle;
            }

            return low;
        }

        public bool Holds(int at, ReadOnlySpan<byte> key) => at < Count && Keys[at].AsSpan().SequenceEqual(key);

        public Split? Insert(KeyHistory added)
        {
            if (Count < Fanout)
            {
                InsertAt(LowerBound(added.Key), added);
                return null;
            }

            // Keys that arrive in order would leave every leaf half full: an append at the very end starts a fresh one instead.
            var appends = Next is null && Keys[Count - 1].AsSpan().SequenceCompareTo(added.Key) < 0;
            var right = SplitAt(appends ? Count : Count / 2);
            var target = right.Count == 0 || added.Key.AsSpan().SequenceCompareTo(right.Keys[0]) >= 0 ? right : this;
            target.InsertAt(target.LowerBound(added.Key), added);
            return new Split(right.Keys[0], right);
        }

        public bool Remove(ReadOnlySpan<byte> key)
        {
            var at = LowerBound(key);
            if (!Holds(at, key))
                return false;
            Count--;
            Array.Copy(Keys, at + 1, Keys, at, Count - at);
            Array.Copy(Histories, at + 1, Histories, at, Count - at);
            Keys[Count] = null!;
            Histories[Count] = null!;
            return true;
        }

        public void Unchain()
        {
            if (Previous is not null)
                Previous.Next = Next;
            if (Next is not null)
                Next.Previous = Previous;
        }

        private void InsertAt(int at, KeyHistory added)
        {
            Array.Copy(Keys, at, Keys, at + 1, Count - at);
            Array.Copy(Histories, at, Histories, at + 1, Count - at);
            (Keys[at], Histories[at]) = (added.Key, added);
            Count++;
        }

        private Leaf SplitAt(int at)
        {
            var right = new Leaf { Count = Count - at, Previous = this, Next = Next };
            if (Next is not null)
                Next.Previous = right;
            Next = right;
            Array.Copy(Keys, at, right.Keys, 0, right.Count);
            Array.Copy(Histories, at, right.Histories, 0, right.Count);
            Array.Clear(Keys, at, right.Count);
            Array.Clear(Histories, at, right.Count);
            Count = at;
            return right;
        }
    }

    private sealed class Branch : Node
    {
        /// <summary>Keys[i] is at most the first key under Children[i + 1] and above all under Children[i].</summary>
        public readonly byte[][] Keys = new byte[Fanout - 1][];
        public readonly Node[] Children = new Node[Fanout];

        public int ChildOf(ReadOnlySpan<byte> key)
        {
            var (low, high) = (0, Count - 1);
            while (low < high)
            {
                var middle = (low + high) >>> 1;
                if (Keys[middle].AsSpan().SequenceCompareTo(key) <= 0)
                    low = middle + 1;
                else
                    high = middle;
            }

            return low;
        }

        public Split? Insert(int child, Split split)
        {
            if (Count < Fanout)
            {
                InsertAfter(child, split);
                return null;
            }

            var at = child == Count - 1 ? Count - 1 : Count / 2;
            var right = new Branch { Count = Count - at };
            var separator = Keys[at - 1];
            Array.Copy(Children, at, right.Children, 0, right.Count);
            Array.Copy(Keys, at, right.Keys, 0, right.Count - 1);
            Array.Clear(Children, at, right.Count);
            Array.Clear(Keys, at - 1, right.Count);
            Count = at;
            if (child < at)
                InsertAfter(child, split);
            else
                right.InsertAfter(child - at, split);
            return new Split(separator, right);
        }

        public void RemoveChild(int at)
        {
            Count--;
            Array.Copy(Children, at + 1, Children, at, Count - at);
            Children[Count] = null!;
            if (Count == 0)
                return;
            // The first child has no separator of its own: the next one's becomes superfluous instead.
            var key = Math.Max(0, at - 1);
            Array.Copy(Keys, key + 1, Keys, key, Count - 1 - key);
            Keys[Count - 1] = null!;
        }

        private void InsertAfter(int child, Split split)
        {
            Invariant.Require(Count < Fanout, "A branch is split before it overflows");
            Array.Copy(Children, child + 1, Children, child + 2, Count - child - 1);
            Array.Copy(Keys, child, Keys, child + 1, Count - 1 - child);
            (Children[child + 1], Keys[child]) = (split.Right, split.Separator);
            Count++;
        }
    }
}

using Conclave.Consensus;

namespace Conclave.Store.Mvcc;

/// <summary>
/// Keys with their history in etcd's model. Every effective transaction is one <see cref="Revision"/>; whoever reads at a revision sees exactly
/// what was there then, down to the last compaction. Writing is the <see cref="Applier"/>'s alone. Owned by the replica's loop.
/// </summary>
public sealed partial class MvccStore
{
    private static readonly Revision Newest = new(long.MaxValue);

    private IKeyIndex _index;
    private RevisionLog _log = new();

    /// <summary>Empty, at revision 1.</summary>
    public MvccStore()
        : this(new BTreeKeyIndex())
    {
    }

    internal MvccStore(IKeyIndex index) => _index = index;

    /// <summary>The revision of the last effective transaction.</summary>
    public Revision Current { get; private set; } = new(1);

    /// <summary>Readable history starts here; zero before the first compaction.</summary>
    public Revision Compacted { get; private set; }

    /// <summary>Keys, values and a flat allowance per version, in bytes; history that is compacted but not yet trimmed counts.</summary>
    public long SizeInBytes { get; private set; }

    /// <summary>The keys that have a history, deleted ones among them until they are compacted.</summary>
    public int KeyCount => _index.Count;

    internal RevisionLog Log => _log;

    /// <summary>What the key holds now; null: nothing.</summary>
    public KeyValue? Get(ReadOnlySpan<byte> key) => _index.Find(key)?.Live;

    /// <summary>Reads. <paramref name="result"/> is empty when refused.</summary>
    public StoreError Range(RangeQuery query, out RangeResult result)
    {
        var error = CheckReadable(query.Revision);
        result = error == StoreError.None ? Read(query) : RangeResult.Empty;
        return error;
    }

    /// <summary>Whether history can be read at <paramref name="revision"/>; zero, now, always can.</summary>
    public StoreError CheckReadable(Revision revision)
    {
        if (revision.Value <= 0)
            return StoreError.None;
        if (revision > Current)
            return StoreError.FutureRevision;
        return revision < Compacted ? StoreError.Compacted : StoreError.None;
    }

    /// <summary>The hash of the history from the compaction up to <paramref name="revision"/> (zero: up to now). Walks all keys.</summary>
    public StoreError HashKv(Revision revision, out KvHash hash)
    {
        hash = default;
        var error = CheckReadable(revision);
        if (error != StoreError.None)
            return error;
        var at = revision.Value <= 0 ? Current : revision;
        var hasher = new KvHasher();
        foreach (var history in _index.From(default))
        {
            foreach (var version in history.Visible(Compacted))
            {
                if (version.ModRevision <= at)
                    hasher.Add(version);
            }
        }

        hash = new KvHash(hasher.Value, at, Compacted);
        return StoreError.None;
    }

    private RangeResult Read(RangeQuery query)
    {
        var at = query.Revision.Value <= 0 ? Newest : query.Revision;
        if (query.Keys.IsSingle)
            return ReadOne(query, _index.Find(query.Keys.Key.Span)?.At(at));

        // Only an unsorted, unfiltered read may stop collecting at its limit; all of them count to the end.
        var inKeyOrder = query.Sort == RangeSort.Key && query.Order != RangeOrder.Descending;
        var enough = query.CountOnly ? 0 : inKeyOrder && query.Limit > 0 && !IsFiltered(query) ? query.Limit : long.MaxValue;
        var found = new List<KeyValue>();
        long count = 0;
        foreach (var history in _index.From(query.Keys.Key))
        {
            if (query.Keys.EndsBefore(history.Key))
                break;
            if (history.At(at) is not { } kv)
                continue;
            count++;
            if (found.Count < enough && Passes(query, kv))
                found.Add(kv);
        }

        if (query.CountOnly)
            return new RangeResult([], More: false, count);
        var more = enough < count && enough != long.MaxValue;
        if (!inKeyOrder)
            Sort(found, query);
        if (query.Limit > 0 && found.Count > query.Limit)
        {
            found.RemoveRange((int)query.Limit, found.Count - (int)query.Limit);
            more = true;
        }

        return new RangeResult(Present(query, found), more, count);
    }

    private static RangeResult ReadOne(RangeQuery query, KeyValue? kv)
    {
        if (kv is null)
            return RangeResult.Empty;
        if (query.CountOnly || !Passes(query, kv))
            return new RangeResult([], More: false, 1);
        return new RangeResult([query.KeysOnly ? kv.WithoutValue() : kv], More: false, 1);
    }

    private static List<KeyValue> Present(RangeQuery query, List<KeyValue> found) =>
        query.KeysOnly ? found.ConvertAll(kv => kv.WithoutValue()) : found;

    private static bool IsFiltered(RangeQuery query) =>
        query.MinModRevision.Value != 0 || query.MaxModRevision.Value != 0 || query.MinCreateRevision.Value != 0 || query.MaxCreateRevision.Value != 0;

    private static bool Passes(RangeQuery query, KeyValue kv) =>
        (query.MinModRevision.Value == 0 || kv.ModRevision >= query.MinModRevision)
        && (query.MaxModRevision.Value == 0 || kv.ModRevision <= query.MaxModRevision)
        && (query.MinCreateRevision.Value == 0 || kv.CreateRevision >= query.MinCreateRevision)
        && (query.MaxCreateRevision.Value == 0 || kv.CreateRevision <= query.MaxCreateRevision);

    /// <summary>Ties fall in the order of keys, in both directions, so that every member answers alike.</summary>
    private static void Sort(List<KeyValue> found, RangeQuery query)
    {
        var sign = query.Order == RangeOrder.Descending ? -1 : 1;
        found.Sort((left, right) =>
        {
            var order = sign * Compare(left, right, query.Sort);
            return order != 0 ? order : KeyOrder.Instance.Compare(left.Key, right.Key);
        });
    }

    private static int Compare(KeyValue left, KeyValue right, RangeSort sort) => sort switch
    {
        RangeSort.Key => KeyOrder.Instance.Compare(left.Key, right.Key),
        RangeSort.Version => left.Version.CompareTo(right.Version),
        RangeSort.Create => left.CreateRevision.CompareTo(right.CreateRevision),
        RangeSort.Mod => left.ModRevision.CompareTo(right.ModRevision),
        RangeSort.Value => KeyOrder.Instance.Compare(left.Value, right.Value),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}

namespace Conclave.Store.Mvcc;

/// <summary>What a range is sorted by. With any but <see cref="Key"/>, <see cref="RangeOrder.None"/> means ascending.</summary>
public enum RangeSort : byte
{
    /// <summary>The key's bytes.</summary>
    Key = 0,

    /// <summary>The number of puts since creation.</summary>
    Version = 1,

    /// <summary>The create revision.</summary>
    Create = 2,

    /// <summary>The mod revision.</summary>
    Mod = 3,

    /// <summary>The value's bytes.</summary>
    Value = 4,
}

/// <summary>In which direction.</summary>
public enum RangeOrder : byte
{
    /// <summary>As stored: ascending by key.</summary>
    None = 0,

    /// <summary>Smallest first.</summary>
    Ascending = 1,

    /// <summary>Largest first.</summary>
    Descending = 2,
}

/// <summary>A read of one key or a range. Zero in a number or revision means "no bound", in <see cref="Revision"/> "now".</summary>
public sealed record RangeQuery(KeyRange Keys)
{
    /// <summary>The state to read; history down to the compacted revision itself is readable.</summary>
    public Revision Revision { get; init; }

    /// <summary>At most so many pairs, after filtering and sorting.</summary>
    public long Limit { get; init; }

    /// <summary>What to sort by.</summary>
    public RangeSort Sort { get; init; }

    /// <summary>In which direction.</summary>
    public RangeOrder Order { get; init; }

    /// <summary>Leave the values out.</summary>
    public bool KeysOnly { get; init; }

    /// <summary>Leave the pairs out.</summary>
    public bool CountOnly { get; init; }

    /// <summary>Only pairs written at or after it. Filters act after counting.</summary>
    public Revision MinModRevision { get; init; }

    /// <summary>Only pairs written at or before it.</summary>
    public Revision MaxModRevision { get; init; }

    /// <summary>Only pairs created at or after it.</summary>
    public Revision MinCreateRevision { get; init; }

    /// <summary>Only pairs created at or before it.</summary>
    public Revision MaxCreateRevision { get; init; }
}

/// <summary>
/// The answer to a <see cref="RangeQuery"/>. <paramref name="More"/>: the limit cut some off. <paramref name="Count"/>: how many keys the range
/// holds, before limit and filters.
/// </summary>
public sealed record RangeResult(IReadOnlyList<KeyValue> Kvs, bool More, long Count)
{
    /// <summary>Nothing found.</summary>
    public static RangeResult Empty { get; } = new([], More: false, 0);
}

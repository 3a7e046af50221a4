namespace Conclave.Consensus;

/// <summary>A participant of an algorithm: etcd's 64-bit member id. Zero is nobody.</summary>
public readonly record struct PeerId(ulong Value) : IComparable<PeerId>
{
    /// <inheritdoc/>
    public int CompareTo(PeerId other) => Value.CompareTo(other.Value);

    /// <summary>Lower-case hexadecimal, as etcdctl prints members.</summary>
    public override string ToString() => Value.ToString("x", System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>Raft's logical time: at most one leader in each (Raft §5.1).</summary>
public readonly record struct Term(ulong Value) : IComparable<Term>
{
    /// <inheritdoc/>
    public int CompareTo(Term other) => Value.CompareTo(other.Value);

    /// <summary>The term that a candidate of this one campaigns in.</summary>
    public Term Next => new(Value + 1);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Earlier.</summary>
    public static bool operator <(Term left, Term right) => left.Value < right.Value;

    /// <summary>Later.</summary>
    public static bool operator >(Term left, Term right) => left.Value > right.Value;

    /// <summary>Earlier or the same.</summary>
    public static bool operator <=(Term left, Term right) => left.Value <= right.Value;

    /// <summary>Later or the same.</summary>
    public static bool operator >=(Term left, Term right) => left.Value >= right.Value;
}

/// <summary>A position in the log. The first entry has index 1; 0 is "before the first".</summary>
public readonly record struct LogIndex(ulong Value) : IComparable<LogIndex>
{
    /// <inheritdoc/>
    public int CompareTo(LogIndex other) => Value.CompareTo(other.Value);

    /// <summary>The position after this one.</summary>
    public LogIndex Next => new(Value + 1);

    /// <summary>The position before this one. Requires that there is one.</summary>
    public LogIndex Previous => new(checked(Value - 1));

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>Before.</summary>
    public static bool operator <(LogIndex left, LogIndex right) => left.Value < right.Value;

    /// <summary>After.</summary>
    public static bool operator >(LogIndex left, LogIndex right) => left.Value > right.Value;

    /// <summary>Before or the same.</summary>
    public static bool operator <=(LogIndex left, LogIndex right) => left.Value <= right.Value;

    /// <summary>After or the same.</summary>
    public static bool operator >=(LogIndex left, LogIndex right) => left.Value >= right.Value;
}

/// <summary>
/// Names one entry for good: two logs that hold an entry with the same term and index are equal up to it (Raft §5.3, Log
/// Matching). Ordered by term, then index: the order of "at least as up to date" in Raft §5.4.1.
/// </summary>
public readonly record struct EntryId(Term Term, LogIndex Index) : IComparable<EntryId>
{
    /// <inheritdoc/>
    public int CompareTo(EntryId other)
    {
        var byTerm = Term.CompareTo(other.Term);
        return byTerm != 0 ? byTerm : Index.CompareTo(other.Index);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Term}/{Index}";

    /// <summary>Less up to date.</summary>
    public static bool operator <(EntryId left, EntryId right) => left.CompareTo(right) < 0;

    /// <summary>More up to date.</summary>
    public static bool operator >(EntryId left, EntryId right) => left.CompareTo(right) > 0;

    /// <summary>At most as up to date.</summary>
    public static bool operator <=(EntryId left, EntryId right) => left.CompareTo(right) <= 0;

    /// <summary>At least as up to date.</summary>
    public static bool operator >=(EntryId left, EntryId right) => left.CompareTo(right) >= 0;
}

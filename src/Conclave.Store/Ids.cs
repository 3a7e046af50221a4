using System.Globalization;
using Conclave.Consensus;

namespace Conclave.Store;

/// <summary>The store's version: it starts at 1 and grows by one with every transaction that changes anything. Zero in a request means "now".</summary>
public readonly record struct Revision(long Value) : IComparable<Revision>
{
    /// <summary>The revision after this one.</summary>
    public Revision Next => new(Value + 1);

    /// <inheritdoc/>
    public int CompareTo(Revision other) => Value.CompareTo(other.Value);

    /// <inheritdoc/>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Earlier.</summary>
    public static bool operator <(Revision left, Revision right) => left.Value < right.Value;

    /// <summary>Later.</summary>
    public static bool operator >(Revision left, Revision right) => left.Value > right.Value;

    /// <summary>Earlier or the same.</summary>
    public static bool operator <=(Revision left, Revision right) => left.Value <= right.Value;

    /// <summary>Later or the same.</summary>
    public static bool operator >=(Revision left, Revision right) => left.Value >= right.Value;
}

/// <summary>Names a lease for as long as the cluster lives. Zero is "no lease".</summary>
public readonly record struct LeaseId(long Value) : IComparable<LeaseId>
{
    /// <summary>No lease: the key stays until somebody deletes it.</summary>
    public static LeaseId None => default;

    /// <inheritdoc/>
    public int CompareTo(LeaseId other) => Value.CompareTo(other.Value);

    /// <summary>Lower-case hexadecimal, as etcdctl prints leases.</summary>
    public override string ToString() => Value.ToString("x", CultureInfo.InvariantCulture);
}

/// <summary>
/// Names one request on the member that took it from its client, so that this member can answer when the entry is applied.
/// <paramref name="Number"/> is never used twice by one run of a member; a request is proposed once and never retried.
/// </summary>
public readonly record struct RequestId(PeerId Origin, ulong Number);

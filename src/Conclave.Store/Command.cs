using Conclave.Consensus;
using Conclave.Store.Mvcc;

namespace Conclave.Store;

/// <summary>What a log entry asks of the store. A closed set; its encoding is <see cref="CommandCodec"/>.</summary>
public abstract record Command
{
    private Command()
    {
    }

    /// <summary>What may also stand inside a transaction.</summary>
    public abstract record Op : Command
    {
        private protected Op()
        {
        }
    }

    /// <summary>A read. Alone in an entry it would be linearizable too, but the read index is cheaper; it is here for transactions.</summary>
    public sealed record Range(RangeQuery Query) : Op;

    /// <summary>Writes one key. <paramref name="IgnoreValue"/> and <paramref name="IgnoreLease"/> keep what the key has; it must exist then.</summary>
    public sealed record Put(
        ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, LeaseId Lease, bool PrevKv = false, bool IgnoreValue = false, bool IgnoreLease = false) : Op;

    /// <summary>Deletes what the range holds.</summary>
    public sealed record DeleteRange(KeyRange Keys, bool PrevKv = false) : Op;

    /// <summary>
    /// Success when every compare holds, else Failure. Compares of nested transactions are decided on the state before the outermost one,
    /// as in etcd; reads see the writes before them.
    /// </summary>
    public sealed record Txn(IReadOnlyList<Compare> Compares, IReadOnlyList<Op> Success, IReadOnlyList<Op> Failure) : Op;

    /// <summary>Forgets history before <paramref name="At"/>, which itself stays readable.</summary>
    public sealed record Compact(Revision At) : Command;

    /// <summary>Id and TTL (seconds) are already chosen and raised: see <see cref="CommandGate"/>.</summary>
    public sealed record GrantLease(LeaseId Id, long Ttl) : Command;

    /// <summary>Ends a lease and deletes its keys in one revision.</summary>
    public sealed record RevokeLease(LeaseId Id) : Command;

    /// <summary>A member tells the others its name and where clients reach it.</summary>
    public sealed record PublishMember(PeerId Member, string Name, IReadOnlyList<string> PeerUrls, IReadOnlyList<string> ClientUrls) : Command;
}

/// <summary>What a compare looks at. Persisted: numbers never change meaning (they are etcd's).</summary>
public enum CompareTarget : byte
{
    /// <summary>The version.</summary>
    Version = 0,

    /// <summary>The create revision.</summary>
    Create = 1,

    /// <summary>The mod revision.</summary>
    Mod = 2,

    /// <summary>The value's bytes.</summary>
    Value = 3,

    /// <summary>The lease.</summary>
    Lease = 4,
}

/// <summary>How the key's side relates to the given side. Persisted: numbers never change meaning (they are etcd's).</summary>
public enum CompareRelation : byte
{
    /// <summary>Equal.</summary>
    Equal = 0,

    /// <summary>The key's is greater.</summary>
    Greater = 1,

    /// <summary>The key's is less.</summary>
    Less = 2,

    /// <summary>Not equal.</summary>
    NotEqual = 3,
}

/// <summary>
/// A condition that every key of the range must meet. A missing key has zeros everywhere, and fails every compare of values.
/// <paramref name="Number"/> is version, revision or lease id; <paramref name="Value"/> counts only for <see cref="CompareTarget.Value"/>.
/// </summary>
public sealed record Compare(KeyRange Keys, CompareTarget Target, CompareRelation Relation, long Number, ReadOnlyMemory<byte> Value);

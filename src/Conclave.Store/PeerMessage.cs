using Conclave.Consensus;
using Conclave.Consensus.Raft;

namespace Conclave.Store;

/// <summary>
/// What replicas say to each other. A closed set; any of it may be lost or late, and repeated but for one: a forwarded proposal (<see cref="RaftMessage.Propose"/>) that
/// came twice would be carried out twice, so a link must not send it again.
/// </summary>
public abstract record PeerMessage
{
    private PeerMessage()
    {
    }

    /// <summary>The algorithm's own.</summary>
    public sealed record Raft(RaftMessage Message) : PeerMessage;

    /// <summary>
    /// A piece of the leader's newest snapshot file, from <paramref name="Offset"/> of <paramref name="Length"/> bytes. The receiver answers each with a
    /// <see cref="SnapshotAck"/>; the sender keeps a bounded number of bytes unanswered.
    /// </summary>
    public sealed record SnapshotChunk(Term Term, SnapshotMark Mark, long Length, long Offset, ReadOnlyMemory<byte> Bytes) : PeerMessage;

    /// <summary>The receiver has every byte of the snapshot before <paramref name="Offset"/>; <paramref name="Installed"/>: all, verified and durable.</summary>
    public sealed record SnapshotAck(EntryId Snapshot, long Offset, bool Installed) : PeerMessage;

    /// <summary>A follower asks the leader to renew a lease for one of its clients.</summary>
    public sealed record RenewLease(ulong Request, LeaseId Lease) : PeerMessage;

    /// <summary>The answer to <see cref="RenewLease"/>, sent only after a quorum confirmed the leader.</summary>
    public sealed record LeaseRenewed(ulong Request, RenewalOutcome Outcome) : PeerMessage;
}

/// <summary>What became of a renewal.</summary>
public abstract record RenewalOutcome
{
    private RenewalOutcome()
    {
    }

    /// <summary>The lease lives for its full TTL from now; <paramref name="Ttl"/> is the granted one, in seconds.</summary>
    public sealed record Renewed(long Ttl) : RenewalOutcome;

    /// <summary>No such lease, or it is about to be revoked.</summary>
    public sealed record Gone : RenewalOutcome;

    /// <summary>Nobody could be asked who leads for certain. The lease may or may not have been renewed.</summary>
    public sealed record Unknown : RenewalOutcome;
}

namespace Conclave.Consensus.Raft;

/// <summary>
/// What peers say to each other. A closed set; each carries its sender's term, but for pre-votes and their grants, which carry the term
/// that the pre-candidate would campaign in.
/// </summary>
public abstract record RaftMessage
{
    private RaftMessage()
    {
    }

    /// <summary>The sender's term (see <see cref="RequestVote"/> for the exception).</summary>
    public required Term Term { get; init; }

    /// <summary>
    /// "Vote for me": Raft §5.2; as a pre-vote Raft thesis §9.6. <paramref name="LeaderRefused"/>: the sender's own stream to the
    /// leader broke and its reconnect was refused; a receiver waives its stickiness only if it saw the same itself (DESIGN 5.5).
    /// </summary>
    public sealed record RequestVote(EntryId Last, bool PreVote, bool LeaderRefused) : RaftMessage;

    /// <summary>The answer to <see cref="RequestVote"/>. A granted pre-vote repeats the term asked for; nobody has entered it yet.</summary>
    public sealed record VoteReply(bool Granted, bool PreVote) : RaftMessage;

    /// <summary>Entries after <paramref name="Previous"/>, and how far the leader has committed. Raft §5.3.</summary>
    public sealed record AppendEntries(EntryId Previous, IReadOnlyList<Entry> Entries, LogIndex Commit) : RaftMessage;

    /// <summary>
    /// Accepted: the sender's log equals the leader's up to <paramref name="Index"/>, durably. Refused: <paramref name="Index"/> is the Previous
    /// that did not match and <paramref name="Hint"/> the sender's best guess of where the logs still agree.
    /// </summary>
    public sealed record AppendReply(bool Accepted, LogIndex Index, EntryId Hint) : RaftMessage;

    /// <summary>"I still lead." <paramref name="Round"/> confirms reads: an answer to it proves leadership at the time it was asked (Raft thesis §6.4).</summary>
    public sealed record Heartbeat(LogIndex Commit, ulong Round) : RaftMessage;

    /// <summary>The answer to <see cref="Heartbeat"/>.</summary>
    public sealed record HeartbeatReply(ulong Round) : RaftMessage;

    /// <summary>The whole snapshot has arrived at this peer and is durable. Made by the receiving driver once it has the last byte, in the name of the sending leader.</summary>
    public sealed record InstallSnapshot(SnapshotMark Mark) : RaftMessage;

    /// <summary>A follower passes proposals on to its leader. May be lost: then nobody answers and the outcome is unknown.</summary>
    public sealed record Propose(IReadOnlyList<ReadOnlyMemory<byte>> Commands) : RaftMessage;

    /// <summary>A follower asks its leader for an index that is safe to read at.</summary>
    public sealed record ReadRequest(ReadId Id) : RaftMessage;

    /// <summary>The answer to <see cref="ReadRequest"/>; null when the receiver does not lead.</summary>
    public sealed record ReadReply(ReadId Id, LogIndex? Index) : RaftMessage;
}

/// <summary>Names one pending read on the member that asked for it.</summary>
public readonly record struct ReadId(ulong Value);

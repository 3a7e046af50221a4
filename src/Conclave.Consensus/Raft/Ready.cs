namespace Conclave.Consensus.Raft;

/// <summary>A message and whom it is for.</summary>
public readonly record struct Outgoing(PeerId To, RaftMessage Message);

/// <summary>A read that may be answered once the state machine has applied <paramref name="Index"/>; null: nobody could confirm it, ask again.</summary>
public readonly record struct ReadState(ReadId Id, LogIndex? Index);

/// <summary>Who leads, as this peer sees it, and why that changed; one Information line for each.</summary>
public sealed record RoleChange(Role Role, Term Term, PeerId? Leader, string Why);

/// <summary>A peer's part in the algorithm.</summary>
public enum Role
{
    /// <summary>Follows a leader, or waits for one.</summary>
    Follower,

    /// <summary>Asks whether it could win before it disturbs anyone (Raft thesis §9.6).</summary>
    PreCandidate,

    /// <summary>Asks for votes.</summary>
    Candidate,

    /// <summary>Orders the log.</summary>
    Leader,
}

/// <summary>
/// What the algorithm wants done. The caller's duties, in this order:
/// <list type="number">
/// <item>send <see cref="SendNow"/> (these claim nothing about this peer's disk; a leader's appends overlap its own flush);</item>
/// <item>make <see cref="HardState"/> and <see cref="Entries"/> durable, one flush for both. Entries replace everything from the index of the first of them;</item>
/// <item>call <see cref="RaftNode.Persisted"/>, then send <see cref="SendAfterPersist"/> (votes and acknowledgements, true only now);</item>
/// <item>install <see cref="Snapshot"/> (already durable, see <see cref="RaftMessage.InstallSnapshot"/>), then apply <see cref="Committed"/>, then call <see cref="RaftNode.Applied"/>;</item>
/// <item>answer <see cref="Reads"/> once that index is applied.</item>
/// </list>
/// The next one is taken only after all of it.
/// </summary>
public sealed record Ready
{
    /// <summary>May leave at once.</summary>
    public required IReadOnlyList<Outgoing> SendNow { get; init; }

    /// <summary>New values, when they changed.</summary>
    public HardState? HardState { get; init; }

    /// <summary>To append to the durable log.</summary>
    public required IReadOnlyList<Entry> Entries { get; init; }

    /// <summary>True when the flush may not be left out: the term, the vote or the log changed. A change of the commit hint alone need not be flushed.</summary>
    public bool MustFlush { get; init; }

    /// <summary>True only once the disk agrees.</summary>
    public required IReadOnlyList<Outgoing> SendAfterPersist { get; init; }

    /// <summary>A snapshot from the leader that replaces log and state machine.</summary>
    public SnapshotMark? Snapshot { get; init; }

    /// <summary>To apply, in order, without a gap.</summary>
    public required IReadOnlyList<Entry> Committed { get; init; }

    /// <summary>Confirmed or refused reads.</summary>
    public required IReadOnlyList<ReadState> Reads { get; init; }

    /// <summary>Peers that need entries the log no longer holds: stream them the newest snapshot, then call <see cref="RaftNode.SnapshotSent"/>.</summary>
    public required IReadOnlyList<PeerId> NeedSnapshot { get; init; }

    /// <summary>In order of happening.</summary>
    public required IReadOnlyList<RoleChange> RoleChanges { get; init; }
}

namespace Conclave.Consensus.Raft;

/// <summary>Settings of one peer. Times are in ticks of the caller's choosing (50 ms by default in Conclave.Runtime).</summary>
public sealed record RaftOptions
{
    /// <summary>This peer.</summary>
    public required PeerId Id { get; init; }

    /// <summary>Ticks between a leader's heartbeats. Default 2 (100 ms), etcd's.</summary>
    public int HeartbeatTicks { get; init; } = 2;

    /// <summary>Ticks without word from a leader before a follower may campaign; each peer draws from [n, 2n). Default 20 (1,000 ms), etcd's.</summary>
    public int ElectionTicks { get; init; } = 20;

    /// <summary>
    /// In place of <see cref="ElectionTicks"/> for the first wait after a start, which nothing has interrupted yet: drawn from [n, 2n). Null, the default: no
    /// difference. More than <see cref="HeartbeatTicks"/> gives a leader that lives the time to be heard first.
    /// </summary>
    public int? FirstElectionTicks { get; init; }

    /// <summary>Start a pre-vote at once when the reconnect to the leader was refused (DESIGN 5.5). Default on.</summary>
    public bool FastPreVote { get; init; } = true;

    /// <summary>Ticks between the starts of two peers that saw the same refusal, by rank, so that votes do not split. Default 2.</summary>
    public int FastPreVoteRankTicks { get; init; } = 2;

    /// <summary>Bytes of entries in one append message, one entry at least. Default 1 MiB.</summary>
    public int MaxAppendBytes { get; init; } = 1 << 20;

    /// <summary>Append messages sent to one peer and not answered. Default 64.</summary>
    public int MaxInFlightAppends { get; init; } = 64;

    /// <summary>Bytes proposed and not committed, beyond which proposals are refused as <see cref="ProposeResult.Busy"/>. Default 64 MiB.</summary>
    public long MaxUncommittedBytes { get; init; } = 64L << 20;

    /// <summary>Reads waiting for confirmation, beyond which they are refused. Default 65,536.</summary>
    public int MaxPendingReads { get; init; } = 65_536;

    /// <summary>Bytes of committed entries in one <see cref="Ready"/>, one entry at least, so that a long replay does not silence the heartbeats. Default 16 MiB.</summary>
    public long MaxApplyBytes { get; init; } = 16L << 20;

    /// <summary>See <see cref="Raft.PlantedBug"/>.</summary>
    internal PlantedBug PlantedBug { get; init; }

    /// <summary>Checks every value and their relations; called once, when the peer is made.</summary>
    /// <exception cref="ArgumentException">A setting with which no cluster can work.</exception>
    internal void Validate()
    {
        Require(Id.Value != 0, nameof(Id), "must not be 0: 0 is nobody");
        Positive(HeartbeatTicks, nameof(HeartbeatTicks));
        Require(ElectionTicks > HeartbeatTicks, nameof(ElectionTicks), $"({ElectionTicks}) must be greater than HeartbeatTicks ({HeartbeatTicks}), or followers would campaign against a leader that lives");
        Require(ElectionTicks <= int.MaxValue / 4, nameof(ElectionTicks), $"({ElectionTicks}) is too large");
        Require(FirstElectionTicks is null or > 0, nameof(FirstElectionTicks), $"must be at least 1, not {FirstElectionTicks}");
        Require(FirstElectionTicks is null || FirstElectionTicks <= ElectionTicks, nameof(FirstElectionTicks), $"({FirstElectionTicks}) must not be greater than ElectionTicks ({ElectionTicks})");
        Positive(FastPreVoteRankTicks, nameof(FastPreVoteRankTicks));
        Positive(MaxAppendBytes, nameof(MaxAppendBytes));
        Positive(MaxInFlightAppends, nameof(MaxInFlightAppends));
        Positive(MaxUncommittedBytes, nameof(MaxUncommittedBytes));
        Positive(MaxPendingReads, nameof(MaxPendingReads));
        Positive(MaxApplyBytes, nameof(MaxApplyBytes));

        static void Positive(long value, string name) => Require(value > 0, name, $"must be at least 1, not {value}");

        static void Require(bool holds, string name, string rule)
        {
            if (!holds)
                throw new ArgumentException($"{name} {rule}.", name);
        }
    }
}

/// <summary>
/// What the driver found on its disk. For a new peer: zero hard state, no snapshot, no entries, and the initial voters.
/// Entries up to the snapshot are skipped. When the entry at the snapshot's index is there with another term, the log is one that the
/// snapshot replaced and all of it is dropped; so a driver that installs <see cref="Ready.Snapshot"/> must start its durable log anew
/// behind it before it appends what follows, or entries acknowledged later would be dropped with the rest.
/// </summary>
public sealed record RestoredState(HardState HardState, SnapshotMark? Snapshot, IReadOnlyList<Entry> Entries, Membership InitialMembership);

/// <summary>What became of a proposal. A refusal is an answer, not an exception.</summary>
public abstract record ProposeResult
{
    private ProposeResult()
    {
    }

    /// <summary>In the leader's log, not committed: it may yet be lost with the leader.</summary>
    public sealed record Accepted(EntryId Id) : ProposeResult;

    /// <summary>On its way to the leader; no more will be heard of it unless it commits.</summary>
    public sealed record Forwarded(PeerId Leader) : ProposeResult;

    /// <summary>Nobody leads (or, for a proposal bound to a term, this peer does not lead in that term). Nothing happened.</summary>
    public sealed record NotLeader(PeerId? Leader) : ProposeResult;

    /// <summary>Too much is uncommitted. Nothing happened.</summary>
    public sealed record Busy : ProposeResult;
}

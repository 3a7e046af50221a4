using Conclave.Consensus.Raft;
using Conclave.Store.Wal;
using Conclave.Store.Watch;

namespace Conclave.Store;

/// <summary>Settings of one replica.</summary>
public sealed record ReplicaOptions
{
    /// <summary>The algorithm's.</summary>
    public required RaftOptions Raft { get; init; }

    /// <summary>The cluster that the data directory belongs to.</summary>
    public required ClusterId Cluster { get; init; }

    /// <summary>Who votes in a cluster that begins. Ignored once there is a snapshot.</summary>
    public required Membership InitialMembership { get; init; }

    /// <summary>What one tick stands for. Default 50 ms.</summary>
    public TimeSpan TickDuration { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>How many late ticks the caller may deliver at once after a stall; leases last as much longer, so that none ends early. Default 2, as the runtime's clock does.</summary>
    public int CaughtUpTicks { get; init; } = 2;

    /// <summary>What the TTL of a lease counts: so many make a second. Default 1, etcd's seconds. The same on all members for as long as their logs live.</summary>
    public int LeaseUnitsPerSecond { get; init; } = 1;

    /// <summary>The log's sizes.</summary>
    public WalOptions Wal { get; init; } = new();

    /// <summary>Bounds of the watches.</summary>
    public WatchOptions Watches { get; init; } = new();

    /// <summary>Entries applied since the last snapshot that call for the next. Default 10,000.</summary>
    public int SnapshotEntries { get; init; } = 10_000;

    /// <summary>Bytes of log since the last snapshot that call for the next. Default 64 MiB.</summary>
    public long SnapshotLogBytes { get; init; } = 64L << 20;

    /// <summary>Entries kept behind a snapshot, so that a follower a little behind needs no snapshot. Default 5,000.</summary>
    public int TrailingEntries { get; init; } = 5_000;

    /// <summary>Rounds of the algorithm in one turn, so that a long replay does not keep the loop from its inputs. Default 16.</summary>
    public int ReadiesPerTurn { get; init; } = 16;

    /// <summary>Bytes of a snapshot written and flushed in one turn, so that a large one does not silence the heartbeats. Default 4 MiB.</summary>
    public int SnapshotBytesPerTurn { get; init; } = 4 << 20;

    /// <summary>Snapshot files kept. Default 2.</summary>
    public int SnapshotsKept { get; init; } = 2;

    /// <summary>Bytes in one <see cref="PeerMessage.SnapshotChunk"/>. Default 256 KiB.</summary>
    public int SnapshotChunkBytes { get; init; } = 256 << 10;

    /// <summary>Chunks sent to one peer and not answered. Default 4.</summary>
    public int SnapshotChunksInFlight { get; init; } = 4;

    /// <summary>Ticks without an answer after which a snapshot's unanswered chunks are sent again. Default 10 (500 ms).</summary>
    public int SnapshotResendTicks { get; init; } = 10;

    /// <summary>Ticks without an answer after which a snapshot's stream is given up, until the peer shows itself again. Default 100 (5 s).</summary>
    public int SnapshotGiveUpTicks { get; init; } = 100;

    /// <summary>Ticks after which a proposal, a read or a renewal that nobody answered ends as unknown or unconfirmed. Default 140 (7 s: etcd's 5 s and two election timeouts).</summary>
    public int RequestTicks { get; init; } = 140;

    /// <summary>Ticks after which an unanswered read or renewal is asked again. Default 10 (500 ms).</summary>
    public int AskAgainTicks { get; init; } = 10;

    /// <summary>Proposals, reads and renewals waiting here, each kind; beyond it they are refused. Default 65,536.</summary>
    public int MaxPending { get; init; } = 65_536;

    /// <summary>Expired leases proposed for revocation and not yet applied. Default 256.</summary>
    public int MaxRevocations { get; init; } = 256;
}

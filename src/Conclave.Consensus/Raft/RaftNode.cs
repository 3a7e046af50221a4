#pragma warning disable MA0025 // skeleton
#pragma warning disable CA1065
namespace Conclave.Consensus.Raft;

/// <summary>One Raft peer: inputs in, <see cref="Ready"/> out. Not thread-safe: one loop owns it.</summary>
public sealed partial class RaftNode
{
    /// <summary>A peer that goes on from what its disk holds. <paramref name="random"/> spreads election timeouts and must be seeded by the caller.</summary>
    public RaftNode(RaftOptions options, RestoredState restored, Random random) => throw new NotImplementedException();

    /// <summary>This peer.</summary>
    public PeerId Id => throw new NotImplementedException();
    /// <summary>Its part.</summary>
    public Role Role => throw new NotImplementedException();
    /// <summary>Its term.</summary>
    public Term Term => throw new NotImplementedException();
    /// <summary>Whom it follows; itself when it leads.</summary>
    public PeerId? Leader => throw new NotImplementedException();
    /// <summary>Known to be on a quorum.</summary>
    public LogIndex CommitIndex => throw new NotImplementedException();
    /// <summary>Reported by <see cref="Applied"/>.</summary>
    public LogIndex AppliedIndex => throw new NotImplementedException();
    /// <summary>The end of the log.</summary>
    public EntryId Last => throw new NotImplementedException();
    /// <summary>Who votes now.</summary>
    public Membership Membership => throw new NotImplementedException();

    /// <summary>One tick of logical time has passed.</summary>
    public void Tick() => throw new NotImplementedException();
    /// <summary>A message arrived.</summary>
    public void Step(PeerId from, RaftMessage message) => throw new NotImplementedException();
    /// <summary>Appends a command if this peer leads, forwards it if it follows. <paramref name="onlyIn"/>: only as leader of exactly that term.</summary>
    public ProposeResult Propose(ReadOnlyMemory<byte> command, Term? onlyIn = null) => throw new NotImplementedException();
    /// <summary>Asks for an index that is safe to read at; the answer is in <see cref="Ready.Reads"/>.</summary>
    public void RequestRead(ReadId id) => throw new NotImplementedException();
    /// <summary>The stream to this peer broke and its address refused a new one: no process listens there.</summary>
    public void PeerRefused(PeerId peer) => throw new NotImplementedException();
    /// <summary>A stream to this peer is open (again).</summary>
    public void PeerConnected(PeerId peer) => throw new NotImplementedException();
    /// <summary>The stream of a snapshot to this peer has ended; on failure it will be asked for again after a heartbeat.</summary>
    public void SnapshotSent(PeerId peer, bool delivered) => throw new NotImplementedException();
    /// <summary>Whether <see cref="TakeReady"/> would have anything in it.</summary>
    public bool HasReady => throw new NotImplementedException();
    /// <summary>Takes what is to be done. See <see cref="Ready"/> for the caller's duties.</summary>
    public Ready TakeReady() => throw new NotImplementedException();
    /// <summary>HardState and Entries of <paramref name="ready"/> are durable.</summary>
    public void Persisted(Ready ready) => throw new NotImplementedException();
    /// <summary>Everything up to <paramref name="index"/> is applied.</summary>
    public void Applied(LogIndex index) => throw new NotImplementedException();
    /// <summary>A durable snapshot of the state machine at <paramref name="mark"/> exists: the log may drop entries up to and including <paramref name="dropThrough"/> (≤ mark.Last.Index).</summary>
    public void Compact(SnapshotMark mark, LogIndex dropThrough) => throw new NotImplementedException();
}

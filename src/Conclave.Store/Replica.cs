using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store.Snapshots;
using Conclave.Store.Wal;

namespace Conclave.Store;

/// <summary>How a replica stands, for status and metrics.</summary>
/// <param name="Role">Its part.</param>
/// <param name="Term">Its term.</param>
/// <param name="Leader">Whom it follows; itself when it leads.</param>
/// <param name="Established">It leads and has applied everything that earlier terms left.</param>
/// <param name="Commit">Known to be on a quorum.</param>
/// <param name="Applied">In the store.</param>
/// <param name="Last">The end of its log.</param>
/// <param name="Snapshot">The newest snapshot; index 0 when there is none.</param>
/// <param name="LogBytes">Bytes of log on its disk.</param>
/// <param name="StoreBytes">Bytes of keys and values in memory, history included.</param>
/// <param name="Revision">The store's revision.</param>
public sealed record ReplicaStatus(Role Role, Term Term, PeerId? Leader, bool Established, LogIndex Commit, LogIndex Applied, EntryId Last, LogIndex Snapshot, long LogBytes, long StoreBytes, Revision Revision);

/// <summary>
/// A member with its disk and its store. Inputs are buffered by the calls below; <see cref="RunTurn"/> does what follows from them: log, one flush,
/// messages, apply, answers. Pure but for the <see cref="IDisk"/> and the <see cref="IReplicaOutput"/> it is given, and deterministic. Not thread-safe:
/// one loop owns it. Any exception from any member ends it: it must not be used again, and a <see cref="DiskFailedException"/> must end the process.
/// </summary>
public sealed partial class Replica : IDisposable
{
    private readonly ReplicaOptions _options;
    private readonly IReplicaOutput _output;
    private readonly WriteAheadLog _wal;
    private readonly SnapshotFiles _snapshots;
    private readonly Applier _applier;
    private readonly RaftNode _raft;
    private Term? _established; // the term in which it leads and holds everything that earlier ones left
    private HardState? _unwrittenHardState;
    private long _now; // ticks since the start
    private bool _unusable;

    private Replica(ReplicaOptions options, IReplicaOutput output, WriteAheadLog wal, SnapshotFiles snapshots, Applier applier, RaftNode raft, SnapshotMark? snapshot, Random random)
    {
        _options = options;
        _output = output;
        _wal = wal;
        _snapshots = snapshots;
        _applier = applier;
        _raft = raft;
        _snapshot = snapshot;

        // An answer to a question of an earlier life must not pass for one of this.
        _nextReadId = (ulong)random.NextInt64();
        _nextInternalRequest = (ulong)random.NextInt64() | InternalRequestBit;
    }

    /// <summary>Member <see cref="RaftOptions.Id"/>.</summary>
    public PeerId Id => _options.Raft.Id;

    /// <summary>For the simulator, which checks the log's invariants from outside.</summary>
    internal RaftNode Raft => _raft;

    /// <summary>The store, for reading between turns.</summary>
    public Applier Applier => _applier;

    /// <summary>How it stands.</summary>
    public ReplicaStatus Status => new(
        _raft.Role, _raft.Term, _raft.Leader, Leads, _raft.CommitIndex, _applier.Applied.Index, _raft.Last, _snapshot?.Last.Index ?? default, _wal.Bytes, _applier.Store.SizeInBytes, _applier.Store.Current);

    /// <summary>One tick has passed.</summary>
    public void Tick()
    {
        _now++;
        _raft.Tick();
        EndOverdueProposals();
        AskAgain();
        EndOverdueQuestions();
        TickSnapshotStreams();
        TickLeases();
    }

    /// <summary>A message from another member arrived.</summary>
    public void Receive(PeerId from, PeerMessage message)
    {
        switch (message)
        {
            case PeerMessage.Raft raft:
                _raft.Step(from, raft.Message);
                break;
            case PeerMessage.SnapshotChunk chunk:
                ReceiveChunk(from, chunk);
                break;
            case PeerMessage.SnapshotAck ack:
                ReceiveAck(from, ack);
                break;
            case PeerMessage.RenewLease renew:
                AnswerRenewal(from, renew);
                break;
            case PeerMessage.LeaseRenewed renewed:
                EndRenewal(renewed.Request, renewed.Outcome);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>The stream to this peer broke and its address refused a new one: no process listens there.</summary>
    public void PeerRefused(PeerId peer) => _raft.PeerRefused(peer);

    /// <summary>A stream to this peer is open (again).</summary>
    public void PeerConnected(PeerId peer) => _raft.PeerConnected(peer);

    /// <summary>Does everything that follows from the inputs so far. True: there is more that could be done at once, in another turn.</summary>
    public bool RunTurn()
    {
        Invariant.Require(!_unusable, "A replica that failed is not used again");
        _unusable = true;
        for (var left = _options.ReadiesPerTurn; left > 0 && HasWork(); left--)
            Carry(_raft.TakeReady());
        EndIncomingSnapshot();
        StepSnapshot();
        var more = _applier.Watches.Pump() || _taking is not null || _raft.HasReady;
        ForgetEnded();
        _unusable = false;
        return more;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _wal.Dispose();
        _incoming?.Dispose();
        _taking?.Dispose();
        foreach (var stream in _streams.Values)
            stream.Dispose();
    }

    /// <summary>It may act as leader. The algorithm may have moved on since its last Ready, so that is asked too.</summary>
    private bool Leads => _established == _raft.Term && _raft.Role == Role.Leader;

    /// <summary>A turn of the loop may have brought a leader, for whom something waits.</summary>
    private bool HasWork()
    {
        ProposeParked();
        AskForReads();
        return _raft.HasReady;
    }

    /// <summary>The duties on <see cref="Ready"/>, in its order.</summary>
    private void Carry(Ready ready)
    {
        SendAll(ready.SendNow);
        Persist(ready);
        _raft.Persisted(ready);
        SendAll(ready.SendAfterPersist);
        foreach (var change in ready.RoleChanges)
            ChangeRole(change);
        if (ready.Snapshot is { } mark)
            InstallSnapshot(mark);
        Apply(ready.Committed);
        _raft.Applied(_applier.Applied.Index);
        foreach (var read in ready.Reads)
            TakeReadState(read);
        EndAppliedReads();
        foreach (var peer in ready.NeedSnapshot)
            StartSnapshotStream(peer);
    }

    private void SendAll(IReadOnlyList<Outgoing> messages)
    {
        foreach (var outgoing in messages)
            _output.Send(outgoing.To, new PeerMessage.Raft(outgoing.Message));
    }

    private void Persist(Ready ready)
    {
        foreach (var entry in ready.Entries)
            _logBytesSinceSnapshot += entry.Data.Length;
        if (ready.Snapshot is { } mark)
        {
            PublishIncoming(mark);
            _wal.Reset(mark, ready.HardState ?? _unwrittenHardState, ready.Entries);

            // Written later it would take the term and the vote of this Ready back.
            _unwrittenHardState = null;
            return;
        }

        // A commit index alone is a hint that the next turn's record carries as well.
        if (ready.MustFlush || ready.Entries.Count > 0)
            _wal.Append(ready.HardState ?? _unwrittenHardState, ready.Entries);
        _unwrittenHardState = ready.MustFlush || ready.Entries.Count > 0 ? null : ready.HardState ?? _unwrittenHardState;
    }

    private void ChangeRole(RoleChange change)
    {
        if (change.Role != Role.Leader)
            LoseLeadership();
        EndProposalsForwardedElsewhere(change.Leader);
        if (change.Leader is not null)
            AskEverythingAgain();
        _output.RoleChanged(change);
    }

    private void Apply(IReadOnlyList<Entry> committed)
    {
        foreach (var entry in committed)
        {
            DropOvertaken(entry.Id);
            if (_applier.Apply(entry) is { } result)
                Complete(result);
            else
                Establish(entry.Term);
        }
    }

    /// <summary>Our own first entry of the term: every write that any earlier leader acknowledged is now in this store.</summary>
    private void Establish(Term term)
    {
        if (_raft.Role != Role.Leader || _raft.Term != term)
            return;
        _established = term;
        _applier.Leases.BecomeLeader();
        AskEverythingAgain();
        _output.LeadershipEstablished(term);
    }

    private void LoseLeadership()
    {
        if (_established is not null)
            _applier.Leases.StepDown();
        _established = null;
        EndAllSnapshotStreams();
    }

    /// <summary>The queues by age keep what has ended until it comes to their front.</summary>
    private void ForgetEnded()
    {
        while (_proposalsByAge.TryPeek(out var proposal) && proposal.Ended)
            _proposalsByAge.Dequeue();
        while (_accepted.TryPeek(out var accepted) && accepted.Ended)
            _accepted.Dequeue();
        while (_roundsByAge.TryPeek(out var round) && round.Ended)
            _roundsByAge.Dequeue();
        while (_renewalsByAge.TryPeek(out var renewal) && renewal.Ended)
            _renewalsByAge.Dequeue();
    }
}

namespace Conclave.Consensus.Raft;

/// <summary>
/// Snapshots (Raft §7). The algorithm only says who needs one; the drivers stream the bytes, and the receiving one speaks up when
/// they are durable:
/// <code>
///   leader: Ready.NeedSnapshot → driver streams ─────────────► driver stores, Step(InstallSnapshot)
///   leader: SnapshotSent(delivered)                            peer: takes it (Ready.Snapshot) or needs it no more
///   leader: replicates from there ◄── AppendReply(accepted) ──
/// </code>
/// </summary>
public sealed partial class RaftNode
{
    private List<PeerId> _needSnapshot = [];
    private SnapshotMark? _installed;

    /// <summary>The stream of a snapshot to this peer has ended; on failure it will be asked for again after a heartbeat.</summary>
    public void SnapshotSent(PeerId peer, bool delivered)
    {
        var slot = Membership.PositionOf(peer);
        if (Role != Role.Leader || slot < 0 || _peers[slot].State != ProgressState.Snapshot)
            return;
        var progress = _peers[slot];
        progress.BecomeProbe(delivered && progress.PendingSnapshot > progress.Match ? progress.PendingSnapshot.Next : progress.Match.Next);

        // Its own answer says that it took the snapshot; a heartbeat's, should that be lost, that it is time to look.
        progress.Paused = true;
    }

    /// <summary>
    /// A durable snapshot of the state machine at <paramref name="mark"/> exists: the log may drop entries up to and including
    /// <paramref name="dropThrough"/> (≤ mark.Last.Index). What lies between the two spares slow followers a snapshot.
    /// </summary>
    public void Compact(SnapshotMark mark, LogIndex dropThrough)
    {
        ArgumentNullException.ThrowIfNull(mark);
        Invariant.Require(mark.Last.Index <= AppliedIndex, "a snapshot holds what is applied");
        Invariant.Require(dropThrough <= mark.Last.Index, "only what a snapshot holds is dropped");
        Invariant.Require(mark.Last.Index <= _log.Start.Index || _log.Holds(mark.Last), "a snapshot is of this log");
        _log.Compact(mark, dropThrough);
    }

    private void AskForSnapshot(Progress peer)
    {
        Invariant.Require(_log.Snapshot is not null, "entries are dropped only behind a snapshot");
        peer.BecomeSnapshot(_log.Snapshot.Last.Index);
        _needSnapshot.Add(peer.Peer);
    }

    private void OnInstallSnapshot(PeerId from, RaftMessage.InstallSnapshot install)
    {
        HearLeader(from);
        var last = install.Mark.Last;
        if (last.Index <= CommitIndex)
        {
            // We caught up by other means. The driver sees no Ready.Snapshot and may drop the bytes.
            Send(from, new RaftMessage.AppendReply(Accepted: true, CommitIndex, default) { Term = Term });
            return;
        }

        if (_log.Holds(last))
        {
            // All of it is in our log (Raft figure 13, step 6); what follows it is worth keeping. It only tells what is committed.
            CommitThrough(last.Index);
        }
        else
        {
            _log.Reset(install.Mark);
            CommitIndex = _committedTaken = last.Index;
            Membership = install.Mark.Membership;
            _self = Membership.PositionOf(Id);
            _installed = install.Mark;
        }

        Send(from, new RaftMessage.AppendReply(Accepted: true, last.Index, default) { Term = Term });
    }
}

namespace Conclave.Consensus.Raft;

/// <summary>
/// The log: Raft §5.3 and §5.4.2. Proposals only append; the messages that carry them are made when a <see cref="Ready"/> is taken, so
/// everything that came in one turn leaves in one append per peer, and in one flush.
/// </summary>
public sealed partial class RaftNode
{
    // By slot, while leading; our own among them, which only counts what our disk has.
    private Progress[] _peers = [];
    private int _ticksSinceHeartbeat;
    private long _uncommittedBytes;

    // Commands for the leader, collected since the last Ready.
    private List<ReadOnlyMemory<byte>> _forwarding = [];
    private long _forwardingBytes;

    /// <summary>Appends a command if this peer leads, forwards it if it follows. <paramref name="onlyIn"/>: only as leader of exactly that term.</summary>
    public ProposeResult Propose(ReadOnlyMemory<byte> command, Term? onlyIn = null)
    {
        if (onlyIn is { } term && (Role != Role.Leader || term != Term))
            return new ProposeResult.NotLeader(Leader);
        if (Role == Role.Leader)
            return TryAppend(command) ? new ProposeResult.Accepted(Last) : new ProposeResult.Busy();
        if (Leader is not { } leader)
            return new ProposeResult.NotLeader(null);

        var size = RaftLog.EntryOverheadBytes + command.Length;
        if (_forwarding.Count > 0 && _forwardingBytes + size > _options.MaxUncommittedBytes)
            return new ProposeResult.Busy();
        _forwarding.Add(command);
        _forwardingBytes += size;
        return new ProposeResult.Forwarded(leader);
    }

    private void ForwardProposals()
    {
        if (_forwarding.Count == 0 || Leader is not { } leader)
            return;
        Send(leader, new RaftMessage.Propose(_forwarding) { Term = Term });
        _forwarding = [];
        _forwardingBytes = 0;
    }

    private void OnPropose(RaftMessage.Propose propose)
    {
        // Not passed on a second time: two peers that each think the other leads would play ball with it.
        if (Role != Role.Leader)
            return;
        foreach (var command in propose.Commands)
        {
            if (!TryAppend(command))
                return;
        }
    }

    /// <summary>One command is always let through when nothing waits, however large: otherwise it never could be.</summary>
    private bool TryAppend(ReadOnlyMemory<byte> command)
    {
        var size = RaftLog.EntryOverheadBytes + command.Length;
        if (_uncommittedBytes > 0 && _uncommittedBytes + size > _options.MaxUncommittedBytes)
            return false;
        AppendOwn(EntryKind.Command, command);
        return true;
    }

    private void AppendOwn(EntryKind kind, ReadOnlyMemory<byte> data)
    {
        var entry = new Entry(new EntryId(Term, Last.Index.Next), kind, data);
        _log.Append(entry);
        _uncommittedBytes += RaftLog.SizeOf(entry);
    }

    private void StartLeading()
    {
        _peers = new Progress[Membership.Voters.Length];
        for (var i = 0; i < _peers.Length; i++)
            _peers[i] = new Progress(Membership.Voters[i], Last.Index.Next, _options.MaxInFlightAppends);
        _peers[_self].Acknowledged(_log.Persisted);
        _ticksSinceHeartbeat = 0;
        _uncommittedBytes = 0;
        foreach (var entry in _log.Slice(CommitIndex.Next, Last.Index))
            _uncommittedBytes += RaftLog.SizeOf(entry);

        // Commits what earlier terms left, which may not be counted by itself (Raft §5.4.2), and tells when reads are safe (§8).
        if (!_options.PlantedBug.HasFlag(PlantedBug.CommitOlderTermByCounting))
            AppendOwn(EntryKind.Empty, default);
    }

    private void StopLeading()
    {
        _peers = [];
        _uncommittedBytes = 0;
    }

    private void TickLeader()
    {
        for (var i = 0; i < _peers.Length; i++)
        {
            if (i != _self)
                _peers[i].SilentTicks++;
        }

        if (!HearsQuorum())
        {
            BecomeFollower(Term, $"no quorum heard for {_options.ElectionTicks} ticks");
            return;
        }

        if (++_ticksSinceHeartbeat >= _options.HeartbeatTicks)
            SendHeartbeats();
    }

    /// <summary>Check-quorum (Raft thesis §6.2): a leader cut off from the majority must not keep its clients waiting.</summary>
    private bool HearsQuorum()
    {
        Span<bool?> heard = _peers.Length <= 16 ? stackalloc bool?[_peers.Length] : new bool?[_peers.Length];
        for (var i = 0; i < _peers.Length; i++)
            heard[i] = _peers[i].SilentTicks < _options.ElectionTicks;
        return Quorum.Count(heard) == VoteResult.Won;
    }

    private void SendHeartbeats()
    {
        _ticksSinceHeartbeat = 0;
        for (var i = 0; i < _peers.Length; i++)
        {
            // No further than the peer is known to hold: a heartbeat does not check that the logs agree.
            if (i != _self)
                Send(_peers[i].Peer, new RaftMessage.Heartbeat(Min(_peers[i].Match, CommitIndex), _round) { Term = Term });
        }
    }

    private void OnHeartbeat(PeerId from, RaftMessage.Heartbeat heartbeat)
    {
        HearLeader(from);
        CommitThrough(heartbeat.Commit);
        Send(from, new RaftMessage.HeartbeatReply(heartbeat.Round) { Term = Term });
    }

    private void OnHeartbeatReply(PeerId from, RaftMessage.HeartbeatReply reply)
    {
        if (Heard(from) is not { } peer)
            return;
        peer.Paused = false;

        // Appends or their answers may have been lost with nothing behind them to show it.
        peer.CheckDue = peer.State == ProgressState.Replicate && peer.Match < Last.Index;
        OnRoundConfirmed(peer, reply.Round);
    }

    /// <summary>The leader's view of who just spoke; null when we do not lead or it does not vote.</summary>
    private Progress? Heard(PeerId from)
    {
        if (Role != Role.Leader)
            return null;
        var slot = Membership.PositionOf(from);
        if (slot < 0)
            return null;
        _peers[slot].SilentTicks = 0;
        return _peers[slot];
    }

    private void ResumeAfterReconnect(PeerId from)
    {
        var slot = Membership.PositionOf(from);
        if (slot < 0 || slot == _self)
            return;

        // What was in flight went down with the old stream.
        var peer = _peers[slot];
        if (peer.State != ProgressState.Snapshot)
            peer.BecomeProbe(peer.State == ProgressState.Replicate ? peer.Match.Next : peer.Next);
    }

    private bool AppendsDue()
    {
        for (var i = 0; i < _peers.Length; i++)
        {
            if (i != _self && AppendDue(_peers[i]))
                return true;
        }

        return false;
    }

    private bool AppendDue(Progress peer) => peer.State switch
    {
        // Nobody is sent a snapshot that has been silent for long: it would only be streamed into the void.
        ProgressState.Probe => !peer.Paused && (peer.SilentTicks < _options.ElectionTicks || peer.Next > _log.Start.Index),
        ProgressState.Replicate => peer.CheckDue || (!peer.WindowFull && (peer.Next <= Last.Index || peer.CommitSent < CommitIndex)),
        ProgressState.Snapshot => false,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private void SendAppends()
    {
        for (var i = 0; i < _peers.Length; i++)
        {
            if (i == _self)
                continue;
            while (AppendDue(_peers[i]))
                SendAppend(_peers[i]);
        }
    }

    private void SendAppend(Progress peer)
    {
        var previous = peer.Next.Previous;
        if (_log.TermAt(previous) is not { } previousTerm)
        {
            AskForSnapshot(peer);
            return;
        }

        var entries = peer.WindowFull ? ArraySegment<Entry>.Empty : _log.Slice(peer.Next, Last.Index, _options.MaxAppendBytes);
        Send(peer.Peer, new RaftMessage.AppendEntries(new EntryId(previousTerm, previous), entries, CommitIndex) { Term = Term });
        peer.CommitSent = CommitIndex;
        peer.CheckDue = false;
        if (peer.State == ProgressState.Probe)
            peer.Paused = true;
        else if (entries.Count > 0)
            peer.Sent(entries[^1].Index);
    }

    private void OnAppendEntries(PeerId from, RaftMessage.AppendEntries append)
    {
        HearLeader(from);

        // An old message: what is committed here is in every later leader's log (Leader Completeness), so that much is agreed.
        if (append.Previous.Index < CommitIndex)
        {
            Send(from, new RaftMessage.AppendReply(Accepted: true, CommitIndex, default) { Term = Term });
            return;
        }

        if (!_log.Holds(append.Previous))
        {
            var hint = _log.LastNotAfter(Min(append.Previous.Index, Last.Index), append.Previous.Term);
            Send(from, new RaftMessage.AppendReply(Accepted: false, append.Previous.Index, hint) { Term = Term });
            return;
        }

        AppendFromLeader(append.Entries);
        var agreed = new LogIndex(append.Previous.Index.Value + (ulong)append.Entries.Count);
        CommitThrough(Min(append.Commit, agreed));
        Send(from, new RaftMessage.AppendReply(Accepted: true, agreed, default) { Term = Term });
    }

    /// <summary>Raft figure 2, AppendEntries 3 and 4. What is held already is left alone: the message may be older than our log.</summary>
    private void AppendFromLeader(IReadOnlyList<Entry> entries)
    {
        var i = 0;
        while (i < entries.Count && _log.Holds(entries[i].Id))
            i++;
        if (i < entries.Count && entries[i].Index <= Last.Index)
        {
            Invariant.Require(entries[i].Index > CommitIndex, "a committed entry is never overwritten");
            _log.TruncateFrom(entries[i].Index);
        }

        for (; i < entries.Count; i++)
            _log.Append(entries[i]);
    }

    private void OnAppendReply(PeerId from, RaftMessage.AppendReply reply)
    {
        if (Heard(from) is not { } peer)
            return;
        if (reply.Accepted)
            OnAccepted(peer, reply.Index);
        else
            OnRefused(peer, reply);
    }

    private void OnAccepted(Progress peer, LogIndex index)
    {
        Invariant.Require(index <= Last.Index, "a peer holds no more than its leader sent");
        peer.Acknowledged(index);

        // A snapshot has done its part once the log goes on from where the peer is.
        if (peer.State == ProgressState.Probe || (peer.State == ProgressState.Snapshot && peer.Match >= _log.Start.Index))
            peer.BecomeReplicate();
        AdvanceCommit();
    }

    private void OnRefused(Progress peer, RaftMessage.AppendReply reply)
    {
        switch (peer.State)
        {
            // What was acknowledged cannot be missing: either this refusal is older than the acknowledgement, or the peer has lost its disk. The
            // next heartbeat tells which, since a peer that lost its disk stops at it; until then there is nothing to try.
            case ProgressState.Probe when reply.Index <= peer.Match:
                break;
            case ProgressState.Probe when reply.Index == peer.Next.Previous:
                peer.StepBack(reply.Index, _log.LastNotAfter(reply.Hint.Index, reply.Hint.Term).Index);
                break;

            // One append of the window was lost; the answers to those behind it come too late to tell us anything new.
            case ProgressState.Replicate when reply.Index > peer.Match:
                peer.BecomeProbe(peer.Match.Next);
                break;
            default:
                break;
        }
    }

    private void AdvanceCommit()
    {
        Span<ulong> durable = _peers.Length <= 16 ? stackalloc ulong[_peers.Length] : new ulong[_peers.Length];
        for (var i = 0; i < _peers.Length; i++)
            durable[i] = _peers[i].Match.Value;
        var index = new LogIndex(Quorum.Reached(durable));
        if (index <= CommitIndex)
            return;

        // Only entries of the own term are committed by counting (Raft §5.4.2, figure 8); those before it are committed with it.
        if (_log.TermAt(index) != Term && !_options.PlantedBug.HasFlag(PlantedBug.CommitOlderTermByCounting))
            return;
        foreach (var entry in _log.Slice(CommitIndex.Next, index))
            _uncommittedBytes -= RaftLog.SizeOf(entry);
        CommitIndex = index;
    }

    private void CommitThrough(LogIndex index)
    {
        if (index <= CommitIndex)
            return;
        Invariant.Require(index <= Last.Index, "what the leader knows to be durable here is here: this disk lost something it had acknowledged (was the data directory deleted or replaced by an older copy?)");
        CommitIndex = index;
    }
}

namespace Conclave.Consensus.Raft;

/// <summary>
/// Linearizable reads without a log entry (ReadIndex, Raft thesis §6.4):
/// <list type="number">
/// <item>the leader waits until an entry of its own term is committed: before that it does not know what is;</item>
/// <item>all reads of one turn share a round: the commit index at its start, and a heartbeat that carries its number;</item>
/// <item>a majority answers a heartbeat of that round or a later one: nobody else led when the round began, so nothing later was
/// committed by then that this index misses;</item>
/// <item>the reader waits until it has applied that index. Any replica can: it asks the leader for the index.</item>
/// </list>
/// No clock is trusted: there are no lease reads (DESIGN 5.5).
/// </summary>
public sealed partial class RaftNode
{
    private readonly record struct Reader(PeerId Peer, ReadId Id);

    private readonly record struct ReadRound(ulong Round, LogIndex Index, List<Reader> Readers);

    // As leader: asked for and not yet in a round; in rounds, oldest first; how many in both.
    private List<Reader> _newReaders = [];
    private readonly Queue<ReadRound> _rounds = new();
    private int _pendingReads;

    // Only grows, over terms too, so that no late answer can confirm a round of another leadership.
    private ulong _round;

    // As follower: asked of the leader and not answered, oldest first, each with the tick at which we give up.
    private readonly Queue<(ReadId Id, ulong Until)> _forwardedInOrder = new();
    private readonly HashSet<ReadId> _forwarded = [];
    private ulong _now;

    private List<ReadState> _reads = [];

    private bool OwnTermCommitted => _log.TermAt(CommitIndex) == Term;

    private bool ReadRoundDue => _newReaders.Count > 0 && OwnTermCommitted;

    /// <summary>
    /// Asks for an index that is safe to read at; the answer is in <see cref="Ready.Reads"/>. Every request gets exactly one, null at the
    /// latest after an election timeout without an answer from the leader. <paramref name="id"/> must not be in use on this peer.
    /// </summary>
    public void RequestRead(ReadId id)
    {
        if (Role == Role.Leader)
        {
            AddReader(new Reader(Id, id));
            return;
        }

        if (Leader is not { } leader || _forwarded.Count >= _options.MaxPendingReads || !_forwarded.Add(id))
        {
            _reads.Add(new ReadState(id, Index: null));
            return;
        }

        _forwardedInOrder.Enqueue((id, _now + (ulong)_options.ElectionTicks));
        Send(leader, new RaftMessage.ReadRequest(id) { Term = Term });
    }

    private void OnReadRequest(PeerId from, RaftMessage.ReadRequest request)
    {
        var reader = new Reader(from, request.Id);
        if (Role == Role.Leader)
            AddReader(reader);
        else
            Answer(reader, index: null);
    }

    private void AddReader(Reader reader)
    {
        if (_pendingReads >= _options.MaxPendingReads)
        {
            Answer(reader, index: null);
            return;
        }

        _newReaders.Add(reader);
        _pendingReads++;
    }

    private void StartReadRound()
    {
        if (!ReadRoundDue)
            return;
        _rounds.Enqueue(new ReadRound(++_round, CommitIndex, _newReaders));
        _newReaders = [];
        SendHeartbeats();

        // A single voter is its own majority.
        OnRoundConfirmed(_peers[_self], _round);
    }

    private void OnRoundConfirmed(Progress peer, ulong round)
    {
        if (round > peer.Round)
            peer.Round = round;
        if (_rounds.Count == 0)
            return;
        Span<ulong> reached = _peers.Length <= 16 ? stackalloc ulong[_peers.Length] : new ulong[_peers.Length];
        for (var i = 0; i < _peers.Length; i++)
            reached[i] = _peers[i].Round;
        var confirmed = Quorum.Reached(reached);
        while (_rounds.TryPeek(out var oldest) && oldest.Round <= confirmed)
        {
            _rounds.Dequeue();
            _pendingReads -= oldest.Readers.Count;
            foreach (var reader in oldest.Readers)
                Answer(reader, oldest.Index);
        }
    }

    private void Answer(Reader reader, LogIndex? index)
    {
        if (reader.Peer == Id)
            _reads.Add(new ReadState(reader.Id, index));
        else
            Send(reader.Peer, new RaftMessage.ReadReply(reader.Id, index) { Term = Term });
    }

    private void OnReadReply(RaftMessage.ReadReply reply)
    {
        if (_forwarded.Remove(reply.Id))
            _reads.Add(new ReadState(reply.Id, reply.Index));
    }

    /// <summary>Requests or answers can be lost; nobody waits for ever.</summary>
    private void ExpireForwardedReads()
    {
        while (_forwardedInOrder.TryPeek(out var oldest) && (oldest.Until <= _now || !_forwarded.Contains(oldest.Id)))
        {
            _forwardedInOrder.Dequeue();
            if (_forwarded.Remove(oldest.Id))
                _reads.Add(new ReadState(oldest.Id, Index: null));
        }
    }

    /// <summary>The leadership that would have answered is over, ours or another's.</summary>
    private void RefuseReads()
    {
        while (_rounds.TryDequeue(out var round))
        {
            foreach (var reader in round.Readers)
                Answer(reader, index: null);
        }

        foreach (var reader in _newReaders)
            Answer(reader, index: null);
        _newReaders = [];
        _pendingReads = 0;

        while (_forwardedInOrder.TryDequeue(out var forwarded))
        {
            if (_forwarded.Remove(forwarded.Id))
                _reads.Add(new ReadState(forwarded.Id, Index: null));
        }
    }
}

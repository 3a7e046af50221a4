namespace Conclave.Consensus.Raft;

/// <summary>
/// Elections: Raft §5.2 and §5.4.1, with pre-vote (thesis §9.6), stickiness (§6, last paragraph) and check-quorum (thesis §6.2).
/// <code>
///              silence, or the leader's address refused us
///   follower ────────────────────────────────► pre-candidate ──majority──► candidate ──majority──► leader
///      ▲                                            │                          │                     │
///      └──────────── a leader, a higher term, a lost ballot, or no quorum heard (leader) ────────────┘
/// </code>
/// Fast pre-vote (DESIGN 5.5) only shortens the wait on the first arrow. A peer whose stream to the leader was refused asks at once,
/// later by its rank; a voter leaves a leader it still hears only if it was refused too. The vote itself is
/// Raft's, so a wrong guess costs an election and never safety.
/// </summary>
public sealed partial class RaftNode
{
    // By slot; null has not answered. Of the ballot in progress.
    private bool?[] _votes = [];
    private int _ticksSinceAsked;

    // Peers at whose address no process listened when last tried. Only looked up, never walked.
    private readonly HashSet<PeerId> _refused = [];

    // Ticks until a pre-vote that does not wait for the election timeout.
    private int? _fastPreVoteIn;

    // The ballot in progress began because the leader's address refused us.
    private bool _leaderRefused;

    // A request that we did not hear only because our own stream to the leader had not been refused yet. Two followers see the same death
    // some milliseconds apart; without this the first one's question would fall into that gap.
    private (PeerId From, RaftMessage.RequestVote Request)? _held;

    private bool IsVoter => _self >= 0;

    /// <summary>The stream to this peer broke and its address refused a new one: no process listens there. May be repeated.</summary>
    public void PeerRefused(PeerId peer)
    {
        _refused.Add(peer);
        if (!_options.FastPreVote || Leader != peer || Role != Role.Follower)
            return;

        if (_held is { } held)
        {
            _held = null;
            OnRequestVote(held.From, held.Request);
        }

        // Still waiting for the same leader: a vote given just now would have ended that.
        if (Leader != peer || _fastPreVoteIn is not null || !IsVoter)
            return;
        var delay = FastPreVoteDelay(peer);
        if (delay == 0)
            StartPreVote($"leader {peer} refuses connections");
        else
            _fastPreVoteIn = delay;
    }

    /// <summary>A stream to this peer is open (again).</summary>
    public void PeerConnected(PeerId peer)
    {
        _refused.Remove(peer);
        if (Leader == peer)
            _fastPreVoteIn = null;
        if (Role == Role.Leader)
            ResumeAfterReconnect(peer);
    }

    /// <summary>Ranks are counted among the voters other than the leader, so one of them always has rank 0.</summary>
    private int FastPreVoteDelay(PeerId leader)
    {
        var leaderSlot = Membership.PositionOf(leader);
        var rank = leaderSlot >= 0 && leaderSlot < _self ? _self - 1 : _self;
        return rank * _options.FastPreVoteRankTicks;
    }

    private void TickElection()
    {
        if (!IsVoter)
            return;
        var expired = _timer.Tick();
        if (_fastPreVoteIn is { } ticks)
        {
            if (ticks <= 1)
            {
                StartPreVote($"leader {Leader} refuses connections");
                return;
            }

            _fastPreVoteIn = ticks - 1;
        }

        if (expired)
        {
            StartPreVote(Leader is { } leader ? $"nothing heard from leader {leader} for {_timer.Limit} ticks" : $"no leader for {_timer.Limit} ticks");
            return;
        }

        // Requests are repeated until answered (Raft §5.5); they are idempotent.
        if (Role is Role.PreCandidate or Role.Candidate && ++_ticksSinceAsked >= _options.HeartbeatTicks)
            AskForVotes();
    }

    private void StartPreVote(string why)
    {
        if (Leader is { } leader)
            _leaderRefused = _options.FastPreVote && _refused.Contains(leader);
        _fastPreVoteIn = null;
        Change(Role.PreCandidate, leader: null, why);
        StartBallot();
        RecordVote(Id, granted: true);
    }

    private void BecomeCandidate()
    {
        Term = Term.Next;
        _vote = Id;
        Change(Role.Candidate, leader: null, "a majority would vote for it");
        StartBallot();
    }

    private void StartBallot()
    {
        _timer.Reset();
        _votes = new bool?[Membership.Voters.Length];
        AskForVotes();
    }

    private void AskForVotes()
    {
        _ticksSinceAsked = 0;
        var preVote = Role == Role.PreCandidate;
        for (var i = 0; i < _votes.Length; i++)
        {
            if (i != _self && _votes[i] is null)
                Send(Membership.Voters[i], new RaftMessage.RequestVote(Last, preVote, _leaderRefused) { Term = preVote ? Term.Next : Term });
        }
    }

    private void OnRequestVote(PeerId from, RaftMessage.RequestVote request)
    {
        if (request.Term > Term && !MayLeaveLeader(request))
        {
            if (request.LeaderRefused && Role == Role.Follower)
                _held = (from, request);
            return;
        }

        if (request.Term > Term && !request.PreVote)
            BecomeFollower(request.Term, $"{from} campaigns in term {request.Term}");

        // Raft figure 2, RequestVote, with the up-to-date rule of §5.4.1. A pre-vote for a later term binds nobody, so several may get it.
        var free = (request.PreVote && request.Term > Term) || (_vote is null && Leader is null) || _vote == from;
        var granted = request.Term >= Term && free && request.Last >= Last;
        if (granted && !request.PreVote)
        {
            _vote = from;
            _timer.Reset();
        }

        Send(from, new RaftMessage.VoteReply(granted, request.PreVote) { Term = granted ? request.Term : Term });
    }

    /// <summary>
    /// Stickiness: who has heard a leader within the minimum election timeout, or leads, neither votes nor moves to a later term
    /// (Raft §6; a leader that lost its quorum notices by itself). Waived when both the asker and we were refused by that leader.
    /// </summary>
    private bool MayLeaveLeader(RaftMessage.RequestVote request)
    {
        if (Leader is not { } leader)
            return true;
        if (Role == Role.Leader)
            return false;
        return !_timer.WithinMinimum || (_options.FastPreVote && request.LeaderRefused && _refused.Contains(leader));
    }

    private void OnPreVoteGranted(PeerId from, RaftMessage.VoteReply grant)
    {
        if (Role == Role.PreCandidate && grant.Term == Term.Next)
            RecordVote(from, granted: true);
    }

    private void OnVoteReply(PeerId from, RaftMessage.VoteReply reply)
    {
        if (Role == (reply.PreVote ? Role.PreCandidate : Role.Candidate))
            RecordVote(from, reply.Granted);
    }

    private void RecordVote(PeerId from, bool granted)
    {
        var slot = Membership.PositionOf(from);
        if (slot < 0)
            return;
        _votes[slot] ??= granted;
        switch (Quorum.Count(_votes))
        {
            case VoteResult.Won when Role == Role.PreCandidate:
                BecomeCandidate();
                break;
            case VoteResult.Won:
                BecomeLeader();
                break;
            case VoteResult.Lost:
                BecomeFollower(Term, "a majority refused its vote");
                break;
            case VoteResult.Pending:
            default:
                break;
        }
    }

    private void BecomeLeader()
    {
        Invariant.Require(Role == Role.Candidate, "only a candidate becomes leader");
        Change(Role.Leader, Id, "a majority voted for it");
        _fastPreVoteIn = null;
        _leaderRefused = false;
        StartLeading();
    }

    private void BecomeFollower(Term term, string why)
    {
        Invariant.Require(term >= Term, "terms never decrease");
        if (term > Term)
        {
            Term = term;
            _vote = null;
        }

        // A mere higher term does not restart a follower's clock: only a leader's word or a vote given does (Raft §5.2).
        if (Role != Role.Follower)
            _timer.Reset();
        _fastPreVoteIn = null;
        _held = null;
        StopLeading();
        Change(Role.Follower, leader: null, why);
    }

    /// <summary>A message that only the leader of our term sends has arrived.</summary>
    private void HearLeader(PeerId leader)
    {
        Invariant.Require(Role != Role.Leader, "one leader in a term");
        if (Role != Role.Follower || Leader != leader)
        {
            Invariant.Require(Leader is null || Leader == leader, "one leader in a term");
            Change(Role.Follower, leader, $"{leader} leads term {Term}");
        }

        _timer.Reset();
        _leaderRefused = false;

        // Words of a leader whose address refuses us may be the last ones it sent before it died. A leader that lives says something within every
        // heartbeat and so keeps moving this along; one that does not is challenged soon.
        var refused = _options.FastPreVote && IsVoter && _refused.Contains(leader);
        _fastPreVoteIn = refused ? _options.HeartbeatTicks + 1 + FastPreVoteDelay(leader) : null;
    }
}

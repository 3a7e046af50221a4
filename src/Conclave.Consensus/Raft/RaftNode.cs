using System.Diagnostics;

namespace Conclave.Consensus.Raft;

/// <summary>
/// One Raft peer: inputs in, <see cref="Ready"/> out. Same inputs, same outputs. Not thread-safe: one loop owns it.
/// Each conversation has a file: Election, Replication, Reads, Snapshots.
/// </summary>
public sealed partial class RaftNode
{
    private readonly RaftOptions _options;
    private readonly ElectionTimer _timer;
    private readonly RaftLog _log;

    // Our slot wherever one value is kept per voter; negative when we do not vote.
    private int _self;
    private PeerId? _vote;

    // Since the last Ready.
    private List<Outgoing> _sendNow = [];
    private List<Outgoing> _sendAfterPersist = [];
    private List<RoleChange> _roleChanges = [];
    private HardState _hardStateTaken;
    private LogIndex _committedTaken;
    private Ready? _outstanding;

    /// <summary>
    /// A peer that goes on from what its disk holds. <paramref name="random"/> spreads election timeouts and must be seeded by the caller.
    /// A commit hint beyond the end of the log is cut to it: the hint may have reached the disk before entries that nobody was told of.
    /// </summary>
    /// <exception cref="ArgumentException">The options contradict each other.</exception>
    public RaftNode(RaftOptions options, RestoredState restored, Random random)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(restored);
        options.Validate();
        _options = options;
        _timer = new ElectionTimer(options.ElectionTicks, options.FirstElectionTicks ?? options.ElectionTicks, random);
        _log = new RaftLog(restored.Snapshot, restored.Entries);
        Membership = restored.Snapshot?.Membership ?? restored.InitialMembership;
        _self = Membership.PositionOf(Id);
        Term = restored.HardState.Term;
        _vote = options.PlantedBug.HasFlag(PlantedBug.ForgetVoteOnRestart) ? null : restored.HardState.Vote;
        Invariant.Require(_log.Last.Term <= Term, "no entry is newer than the durable term");
        CommitIndex = Max(_log.Start.Index, restored.Snapshot?.Last.Index ?? default, Min(restored.HardState.Commit, _log.Last.Index));
        AppliedIndex = _committedTaken = restored.Snapshot?.Last.Index ?? default;
        _hardStateTaken = new HardState(Term, _vote, CommitIndex);
    }

    /// <summary>This peer.</summary>
    public PeerId Id => _options.Id;

    /// <summary>Its part.</summary>
    public Role Role { get; private set; }

    /// <summary>Its term.</summary>
    public Term Term { get; private set; }

    /// <summary>Whom it follows; itself when it leads.</summary>
    public PeerId? Leader { get; private set; }

    /// <summary>Known to be on a quorum.</summary>
    public LogIndex CommitIndex { get; private set; }

    /// <summary>Reported by <see cref="Applied"/>.</summary>
    public LogIndex AppliedIndex { get; private set; }

    /// <summary>The end of the log.</summary>
    public EntryId Last => _log.Last;

    /// <summary>Who votes now.</summary>
    public Membership Membership { get; private set; }

    /// <summary>Whether <see cref="TakeReady"/> would have anything in it. False while one is not yet <see cref="Persisted"/>.</summary>
    public bool HasReady =>
        _outstanding is null
        && (_sendNow.Count > 0
            || _sendAfterPersist.Count > 0
            || _log.Taken < _log.Last.Index
            || _committedTaken < CommitIndex
            || _installed is not null
            || _reads.Count > 0
            || _needSnapshot.Count > 0
            || _roleChanges.Count > 0
            || _forwarding.Count > 0
            || new HardState(Term, _vote, CommitIndex) != _hardStateTaken
            || (Role == Role.Leader && (ReadRoundDue || AppendsDue())));

    internal RaftLog Log => _log;

    /// <summary>One tick of logical time has passed.</summary>
    public void Tick()
    {
        _now++;
        ExpireForwardedReads();
        if (Role == Role.Leader)
            TickLeader();
        else
            TickElection();
    }

    /// <summary>A message arrived. Messages may be lost, repeated or out of order; they must not be forged.</summary>
    public void Step(PeerId from, RaftMessage message)
    {
        ArgumentNullException.ThrowIfNull(message);
        Invariant.Require(from != Id, "nobody sends to itself");

        // Votes have their own rules about terms: a pre-vote changes nobody's, and who hears a leader does not listen.
        switch (message)
        {
            case RaftMessage.RequestVote request:
                OnRequestVote(from, request);
                return;
            case RaftMessage.VoteReply { PreVote: true, Granted: true } grant:
                OnPreVoteGranted(from, grant);
                return;
            default:
                break;
        }

        if (message.Term < Term)
        {
            OnStaleTerm(from, message);
            return;
        }

        if (message.Term > Term)
            BecomeFollower(message.Term, $"{from} is in term {message.Term}");

        switch (message)
        {
            case RaftMessage.VoteReply reply:
                OnVoteReply(from, reply);
                break;
            case RaftMessage.AppendEntries append:
                OnAppendEntries(from, append);
                break;
            case RaftMessage.AppendReply reply:
                OnAppendReply(from, reply);
                break;
            case RaftMessage.Heartbeat heartbeat:
                OnHeartbeat(from, heartbeat);
                break;
            case RaftMessage.HeartbeatReply reply:
                OnHeartbeatReply(from, reply);
                break;
            case RaftMessage.InstallSnapshot install:
                OnInstallSnapshot(from, install);
                break;
            case RaftMessage.Propose propose:
                OnPropose(propose);
                break;
            case RaftMessage.ReadRequest request:
                OnReadRequest(from, request);
                break;
            case RaftMessage.ReadReply reply:
                OnReadReply(reply);
                break;
            default:
                throw new UnreachableException();
        }
    }

    /// <summary>Takes what is to be done. See <see cref="Ready"/> for the caller's duties. Requires that the one before is <see cref="Persisted"/>.</summary>
    public Ready TakeReady()
    {
        Invariant.Require(_outstanding is null, "one Ready at a time");
        if (Role == Role.Leader)
        {
            StartReadRound();
            SendAppends();
        }

        ForwardProposals();
        var hardState = new HardState(Term, _vote, CommitIndex);
        var before = _hardStateTaken;
        _hardStateTaken = hardState;
        var entries = _log.TakeUnwritten();
        var committed = _log.Slice(_committedTaken.Next, CommitIndex, _options.MaxApplyBytes);
        if (committed.Count > 0)
            _committedTaken = committed[^1].Index;

        _outstanding = new Ready
        {
            SendNow = Drain(ref _sendNow),
            HardState = hardState == before ? null : hardState,
            Entries = entries,
            MustFlush = entries.Count > 0 || hardState.Term != before.Term || hardState.Vote != before.Vote,
            SendAfterPersist = Drain(ref _sendAfterPersist),
            Snapshot = _installed,
            Committed = committed,
            Reads = Drain(ref _reads),
            NeedSnapshot = Drain(ref _needSnapshot),
            RoleChanges = Drain(ref _roleChanges),
        };
        _installed = null;
        return _outstanding;
    }

    /// <summary>HardState and Entries of <paramref name="ready"/> are durable. To be called for every Ready, also one that had neither.</summary>
    public void Persisted(Ready ready)
    {
        ArgumentNullException.ThrowIfNull(ready);
        Invariant.Require(ReferenceEquals(ready, _outstanding), "the Ready that was taken is the one that is persisted");
        _outstanding = null;
        if (ready.Entries.Count > 0)
            _log.WasPersisted(ready.Entries[^1].Id);

        // Our own vote counts like any other: once it is durable.
        if (Role == Role.Candidate && ready.HardState is { } durable && durable.Term == Term && durable.Vote == Id)
            RecordVote(Id, granted: true);

        // A leader writes its log in parallel with its followers (Raft thesis §10.2.1) and is one of the majority only now.
        if (Role == Role.Leader)
        {
            _peers[_self].Acknowledged(_log.Persisted);
            AdvanceCommit();
        }
    }

    /// <summary>Everything up to <paramref name="index"/> is applied.</summary>
    public void Applied(LogIndex index)
    {
        Invariant.Require(index <= _committedTaken, "only what was handed out as committed is applied");
        if (index > AppliedIndex)
            AppliedIndex = index;
    }

    private static LogIndex Min(LogIndex left, LogIndex right) => left < right ? left : right;

    private static LogIndex Max(LogIndex first, LogIndex second, LogIndex third)
    {
        var larger = first > second ? first : second;
        return larger > third ? larger : third;
    }

    private static IReadOnlyList<T> Drain<T>(ref List<T> list)
    {
        if (list.Count == 0)
            return Array.Empty<T>();
        var drained = list;
        list = [];
        return drained;
    }

    private void Send(PeerId to, RaftMessage message) => (RestsOnDisk(message) ? _sendAfterPersist : _sendNow).Add(new Outgoing(to, message));

    /// <summary>
    /// Whether a message claims something that a crash before the flush would make untrue. The question for each: if this peer fell now
    /// and came back with its old disk, could what it said lead somebody to a wrong conclusion?
    /// </summary>
    private static bool RestsOnDisk(RaftMessage message) => message switch
    {
        // "You have my vote": forgotten, it would be given twice in one term. A refusal promises nothing.
        RaftMessage.VoteReply reply => reply.Granted && !reply.PreVote,

        // A candidate asks on the strength of its own vote for itself; answered before that is durable, it could come back, vote for
        // another in the same term, and both would win. A pre-vote changes no state anywhere.
        RaftMessage.RequestVote request => !request.PreVote,

        // "I have your entries": the leader commits on the strength of it. Refusals stay in line behind them, for order's sake.
        RaftMessage.AppendReply => true,

        // A leader became one through durable votes, its own among them, so its term is durable; for its entries it claims
        // no durability, it counts itself only in Persisted. Hence its appends overlap its own flush.
        RaftMessage.AppendEntries or RaftMessage.Heartbeat => false,

        // Confirms a read: "when you asked I was not in a later term". A vote for a later leader leaves this peer only when durable,
        // so whoever answers here either gave no such vote, or gave it afterwards; no crash changes that.
        RaftMessage.HeartbeatReply => false,

        // Made by the receiving driver for itself, when the bytes are durable already.
        RaftMessage.InstallSnapshot => false,

        // Requests, and an index that a quorum confirmed.
        RaftMessage.Propose or RaftMessage.ReadRequest or RaftMessage.ReadReply => false,
        _ => throw new UnreachableException(),
    };

    /// <summary>The sender lives in the past; tell it, so that it catches up instead of holding on (Raft §5.1).</summary>
    private void OnStaleTerm(PeerId from, RaftMessage message)
    {
        switch (message)
        {
            // 1. A peer campaigned, raised its term and lost. 2. The leader's messages are old to it, and as they are refused in silence it
            // can never be replicated to, while its own vote requests are not heard by those who hear the leader. So it answers:
            // the leader steps down and the next one is elected in a term that includes everybody.
            case RaftMessage.AppendEntries or RaftMessage.Heartbeat or RaftMessage.InstallSnapshot:
                Send(from, new RaftMessage.AppendReply(Accepted: false, default, default) { Term = Term });
                break;
            case RaftMessage.ReadRequest request:
                Send(from, new RaftMessage.ReadReply(request.Id, Index: null) { Term = Term });
                break;
            default:
                break;
        }
    }

    private void Change(Role role, PeerId? leader, string why)
    {
        if (Leader is not null && Leader != leader)
            LoseLeader();
        Role = role;
        Leader = leader;
        _roleChanges.Add(new RoleChange(role, Term, leader, why));
    }

    /// <summary>What was asked of the old leader will not be answered by the new one.</summary>
    private void LoseLeader()
    {
        RefuseReads();
        _forwarding = [];
        _forwardingBytes = 0;
        _held = null;
    }
}

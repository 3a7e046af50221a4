using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store.Leases;

namespace Conclave.Store;

/// <summary>
/// Reads and renewals: both are answered only after a quorum has confirmed, later than the question, who leads (Raft thesis §6.4). All that
/// came since the last turn share one round of messages.
/// </summary>
public sealed partial class Replica
{
    private readonly Dictionary<ReadId, Round> _rounds = [];
    private readonly Queue<Round> _roundsByAge = new();
    private readonly PriorityQueue<Round, ulong> _confirmed = new();
    private readonly Dictionary<ulong, Renewal> _renewals = [];
    private readonly Queue<Renewal> _renewalsByAge = new();
    private List<Question> _toAsk = [];
    private int _questions;
    private bool _askNow;
    private ulong _nextReadId;

    /// <summary>Asks whether the store may be read linearizably; <see cref="IReplicaOutput.ReadReady"/> answers.</summary>
    public void Read(ulong read)
    {
        if (_questions >= _options.MaxPending)
        {
            _output.ReadReady(read, confirmed: false);
            return;
        }

        Enqueue(new Question.Read(read, _now + _options.RequestTicks));
    }

    /// <summary>
    /// Gives a lease its full TTL again; <see cref="IReplicaOutput.LeaseRenewed"/> answers. Only the leader can do that, once a quorum has confirmed
    /// it; a follower passes the wish on.
    /// </summary>
    public void RenewLease(ulong request, LeaseId lease)
    {
        if (_renewals.Count >= _options.MaxPending)
        {
            _output.LeaseRenewed(request, new RenewalOutcome.Unknown());
            return;
        }

        var renewal = new Renewal(request, lease, _now + _options.RequestTicks);
        _renewals.Add(request, renewal);
        _renewalsByAge.Enqueue(renewal);
        AskForRenewal(renewal);
    }

    private void Enqueue(Question question)
    {
        _questions++;
        _toAsk.Add(question);
        _askNow = true;
    }

    /// <summary>Begins one round for every question that waits.</summary>
    private void AskForReads()
    {
        if (!_askNow || _toAsk.Count == 0 || _raft.Leader is null)
            return;
        _askNow = false;
        var round = new Round(new ReadId(_nextReadId++), _toAsk, _now);
        _toAsk = [];
        _rounds.Add(round.Id, round);
        _roundsByAge.Enqueue(round);
        _raft.RequestRead(round.Id);
    }

    private void TakeReadState(ReadState state)
    {
        if (!_rounds.Remove(state.Id, out var round))
            return;
        round.Ended = true;
        if (state.Index is { } index)
            _confirmed.Enqueue(round, index.Value);
        else
            _toAsk.AddRange(round.Questions); // asked again with the next tick, or by a new leader
    }

    private void EndAppliedReads()
    {
        while (_confirmed.TryPeek(out var round, out var index) && index <= _applier.Applied.Index.Value)
        {
            _confirmed.Dequeue();
            foreach (var question in round.Questions)
                Answer(question);
        }
    }

    private void Answer(Question question)
    {
        _questions--;
        switch (question)
        {
            case Question.Read read:
                _output.ReadReady(read.Id, confirmed: true);
                break;
            case Question.Renewal renewal when !Leads || _raft.Term != renewal.CountedIn:
                break; // what this member counted is worth nothing now; whoever asked asks the new leader
            case Question.Renewal { From: { } from } renewal:
                _output.Send(from, new PeerMessage.LeaseRenewed(renewal.Request, renewal.Outcome));
                break;
            case Question.Renewal renewal:
                EndRenewal(renewal.Request, renewal.Outcome);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private void AskForRenewal(Renewal renewal)
    {
        renewal.AskedAt = _now;
        if (_raft.Leader == Id)
            CountRenewal(null, renewal.Request, renewal.Lease);
        else if (_raft.Leader is { } leader)
            _output.Send(leader, new PeerMessage.RenewLease(renewal.Request, renewal.Lease));
    }

    private void AnswerRenewal(PeerId from, PeerMessage.RenewLease renew)
    {
        if (_questions < _options.MaxPending)
            CountRenewal(from, renew.Request, renew.Lease);
    }

    /// <summary>
    /// First the table, then the round, then the answer: the round proves that when the table was changed nobody else had begun to count, so
    /// whoever does will count the full TTL from a later time. A paused old leader gets no round, and never answers.
    /// </summary>
    private void CountRenewal(PeerId? from, ulong request, LeaseId lease)
    {
        if (!Leads)
            return;
        var outcome = _applier.Leases.Renew(lease) switch
        {
            LeaseRenewal.Renewed => new RenewalOutcome.Renewed(_applier.Leases.Find(lease)!.Ttl),
            LeaseRenewal.Gone => (RenewalOutcome)new RenewalOutcome.Gone(),
            _ => new RenewalOutcome.Unknown(),
        };
        Enqueue(new Question.Renewal(from, request, outcome, _raft.Term, _now + _options.RequestTicks));
    }

    private void EndRenewal(ulong request, RenewalOutcome outcome)
    {
        if (!_renewals.Remove(request, out var renewal))
            return;
        renewal.Ended = true;
        _output.LeaseRenewed(request, outcome);
    }

    /// <summary>Questions whose answer got lost on the way.</summary>
    private void AskAgain()
    {
        while (_roundsByAge.TryPeek(out var round) && (round.Ended || round.AskedAt + _options.AskAgainTicks <= _now))
        {
            _roundsByAge.Dequeue();
            if (!round.Ended)
                Recall(round);
        }

        foreach (var renewal in _renewalsByAge)
        {
            if (!renewal.Ended && renewal.AskedAt + _options.AskAgainTicks <= _now)
                AskForRenewal(renewal);
        }

        _askNow = true;
    }

    /// <summary>There is a new leader, to whom nothing was said yet.</summary>
    private void AskEverythingAgain()
    {
        foreach (var round in _roundsByAge)
        {
            if (!round.Ended)
                Recall(round);
        }

        _roundsByAge.Clear();
        foreach (var renewal in _renewalsByAge)
        {
            if (!renewal.Ended)
                AskForRenewal(renewal);
        }

        _askNow = true;
    }

    private void Recall(Round round)
    {
        round.Ended = true;
        _rounds.Remove(round.Id);
        _toAsk.AddRange(round.Questions);
    }

    private void EndOverdueQuestions()
    {
        if (_toAsk.Exists(q => q.Deadline <= _now))
        {
            foreach (var question in _toAsk.Where(q => q.Deadline <= _now))
            {
                _questions--;
                if (question is Question.Read read)
                    _output.ReadReady(read.Id, confirmed: false);
            }

            _toAsk.RemoveAll(q => q.Deadline <= _now);
        }

        while (_renewalsByAge.TryPeek(out var renewal) && (renewal.Ended || renewal.Deadline <= _now))
        {
            _renewalsByAge.Dequeue();
            EndRenewal(renewal.Request, new RenewalOutcome.Unknown());
        }
    }

    private abstract record Question(long Deadline)
    {
        public sealed record Read(ulong Id, long Deadline) : Question(Deadline);

        /// <param name="From">The follower that asked; null: this member itself.</param>
        /// <param name="Request">Its name for it.</param>
        /// <param name="Outcome">What the table said.</param>
        /// <param name="CountedIn">The term in which it said so; it means nothing in another.</param>
        /// <param name="Deadline">The tick at which it is given up.</param>
        public sealed record Renewal(PeerId? From, ulong Request, RenewalOutcome Outcome, Term CountedIn, long Deadline) : Question(Deadline);
    }

    private sealed class Round(ReadId id, List<Question> questions, long askedAt)
    {
        public ReadId Id { get; } = id;

        public List<Question> Questions { get; } = questions;

        public long AskedAt { get; } = askedAt;

        public bool Ended { get; set; }
    }

    private sealed class Renewal(ulong request, LeaseId lease, long deadline)
    {
        public ulong Request { get; } = request;

        public LeaseId Lease { get; } = lease;

        public long Deadline { get; } = deadline;

        public long AskedAt { get; set; }

        public bool Ended { get; set; }
    }
}

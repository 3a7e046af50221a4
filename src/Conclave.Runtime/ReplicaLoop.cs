using System.Diagnostics;
using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Runtime.Peers;
using Conclave.Store;
using Microsoft.Extensions.Logging;

namespace Conclave.Runtime;

/// <summary>
/// The one loop: a thread of its own that owns the replica. It sleeps until something comes in or a tick is due, feeds the replica everything that has
/// come meanwhile, and runs one turn for all of it: that is the group commit.
/// </summary>
internal sealed class ReplicaLoop : IPeerEvents, IReplicaOutput
{
    private const int InputsPerTurn = 4_096;

    private readonly LoopOptions _options;
    private readonly ILogger _log;
    private readonly object _gate = new();
    private List<LoopInput> _incoming = [];
    private bool _asleep;
    private bool _stopped;
    private bool _dropping;

    // Touched by the loop's thread only.
    private readonly Dictionary<ulong, TaskCompletionSource<ProposalOutcome>> _proposals = [];
    private readonly Dictionary<ulong, PendingRead> _reads = [];
    private readonly Dictionary<ulong, TaskCompletionSource<RenewalOutcome>> _renewals = [];
    private IReadOnlyDictionary<PeerId, PeerLink> _links = new Dictionary<PeerId, PeerLink>();
    private Replica? _replica;
    private ulong _nextRequest;
    private ReplicaStatus? _status;

    public ReplicaLoop(LoopOptions options, ILogger log)
    {
        _options = options;
        _log = log;
        _nextRequest = options.FirstRequest;
    }

    /// <summary>Who leads, for whoever observes it.</summary>
    public StandingBoard Board { get; } = new();

    /// <summary>As of the last turn.</summary>
    public ReplicaStatus Status => Volatile.Read(ref _status) ?? throw new InvalidOperationException("The loop has not been given its replica.");

    /// <summary>Gives it what it owns from now on. Before <see cref="RunAsync"/>.</summary>
    public void Attach(Replica replica, IReadOnlyDictionary<PeerId, PeerLink> links)
    {
        _replica = replica;
        _links = links;
        _status = replica.Status;
    }

    /// <summary>Hands an input in, from any thread. False: it was not taken, because too many wait or the loop has ended.</summary>
    public bool TryPost(LoopInput input)
    {
        lock (_gate)
        {
            if (_stopped)
                return false;
            if (_incoming.Count >= _options.MaxQueued)
            {
                if (!_dropping)
                    Log.InputsDropped(_log, _options.Self, _incoming.Count);
                _dropping = true;
                return false;
            }

            _incoming.Add(input);
            if (_asleep)
                Monitor.Pulse(_gate);
            return true;
        }
    }

    /// <summary>Runs until cancelled, or until the replica fails: then the task does with its exception.</summary>
    public Task RunAsync(CancellationToken cancel) => Task.Factory.StartNew(
        () => Run(cancel), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    void IPeerEvents.Received(PeerId from, PeerMessage message) => TryPost(new LoopInput.Received(from, message));

    void IPeerEvents.PeerConnected(PeerId peer) => TryPost(new LoopInput.Connected(peer));

    void IPeerEvents.PeerRefused(PeerId peer) => TryPost(new LoopInput.Refused(peer));

    void IReplicaOutput.Send(PeerId to, PeerMessage message)
    {
        if (_links.TryGetValue(to, out var link))
            link.Send(message);
    }

    void IReplicaOutput.Completed(RequestId request, ProposalOutcome outcome)
    {
        if (_proposals.Remove(request.Number, out var done))
            done.TrySetResult(outcome);
    }

    void IReplicaOutput.ReadReady(ulong read, bool confirmed)
    {
        if (!_reads.Remove(read, out var pending))
            return;
        if (confirmed)
            pending.Run(_replica!.Applier);
        else
            pending.Refuse(new ReadNotConfirmedException());
    }

    void IReplicaOutput.LeaseRenewed(ulong request, RenewalOutcome outcome)
    {
        if (_renewals.Remove(request, out var done))
            done.TrySetResult(outcome);
    }

    void IReplicaOutput.RoleChanged(RoleChange change)
    {
        Log.RoleChanged(_log, _options.Self, change.Role, change.Term, change.Leader, change.Why);
        Board.Post(new MemberStanding(change.Role, change.Term, change.Leader, Established: false, change.Why));
    }

    void IReplicaOutput.LeadershipEstablished(Term term) =>
        Board.Post(new MemberStanding(Role.Leader, term, _options.Self, Established: true, "applied everything that earlier terms left"));

    private void Run(CancellationToken cancel)
    {
        using var wake = cancel.Register(() => TryPost(LoopInput.Wake.Instance));
        try
        {
            Turn(cancel);
        }
        catch (Exception e)
        {
            Log.Failed(_log, _options.Self, e);
            throw;
        }
        finally
        {
            Stop();
        }
    }

    private void Turn(CancellationToken cancel)
    {
        var clock = new TickClock(_options.TickDuration);
        var inputs = new List<LoopInput>();
        var more = false;
        while (!cancel.IsCancellationRequested)
        {
            TakeInputs(ref inputs, more ? TimeSpan.Zero : clock.UntilNext());
            var (began, collecting) = (Stopwatch.GetTimestamp(), GC.GetTotalPauseDuration());
            for (var i = 0; i < inputs.Count; i++)
            {
                Feed(inputs[i]);
                if ((i + 1) % InputsPerTurn == 0)
                    _replica!.RunTurn();
            }

            inputs.Clear();

            // After the inputs: who was stopped for a while first hears what has come meanwhile, and only then lets time pass.
            if (clock.TryTick())
                _replica!.Tick();
            more = _replica!.RunTurn();
            Volatile.Write(ref _status, _replica.Status);
            var elapsed = Stopwatch.GetElapsedTime(began);
            if (elapsed > _options.SlowTurn)
                Log.SlowTurn(_log, _options.Self, (long)elapsed.TotalMilliseconds, (long)(GC.GetTotalPauseDuration() - collecting).TotalMilliseconds);
        }
    }

    private void TakeInputs(ref List<LoopInput> inputs, TimeSpan patience)
    {
        lock (_gate)
        {
            if (_incoming.Count == 0 && patience > TimeSpan.Zero)
            {
                _asleep = true;
                Monitor.Wait(_gate, patience);
                _asleep = false;
            }

            (inputs, _incoming) = (_incoming, inputs);
            _dropping = false;
        }
    }

    private void Feed(LoopInput input)
    {
        var replica = _replica!;
        switch (input)
        {
            case LoopInput.Received received:
                replica.Receive(received.From, received.Message);
                break;
            case LoopInput.Refused refused:
                replica.PeerRefused(refused.Peer);
                _options.OnPeerRefused?.Invoke(refused.Peer, replica.Applier);
                break;
            case LoopInput.Connected connected:
                replica.PeerConnected(connected.Peer);
                break;
            case LoopInput.Propose propose:
                var request = NextRequest();
                _proposals.Add(request, propose.Done);
                replica.Propose(new RequestId(_options.Self, request), propose.Command, propose.OnlyIn);
                break;
            case LoopInput.Read { Linearizable: false } read:
                read.Pending.Run(replica.Applier);
                break;
            case LoopInput.Read read:
                var number = NextRequest();
                _reads.Add(number, read.Pending);
                replica.Read(number);
                break;
            case LoopInput.Renew renew:
                var renewal = NextRequest();
                _renewals.Add(renewal, renew.Done);
                replica.RenewLease(renewal, renew.Lease);
                break;
            case LoopInput.Wake:
                break;
            default:
                throw new UnreachableException();
        }
    }

    private ulong NextRequest() => _nextRequest++ & ~Replica.InternalRequestBit;

    /// <summary>Nobody who waits is left without an answer. What was proposed may be in the log.</summary>
    private void Stop()
    {
        List<LoopInput> left;
        lock (_gate)
        {
            _stopped = true;
            left = _incoming;
            _incoming = [];
        }

        foreach (var done in _proposals.Values)
            done.TrySetResult(new ProposalOutcome.Unknown());
        foreach (var done in _renewals.Values)
            done.TrySetResult(new RenewalOutcome.Unknown());
        foreach (var pending in _reads.Values)
            pending.Refuse(new ReadNotConfirmedException());
        foreach (var input in left)
        {
            switch (input)
            {
                case LoopInput.Propose propose:
                    propose.Done.TrySetResult(new ProposalOutcome.NotLeader(null));
                    break;
                case LoopInput.Renew renew:
                    renew.Done.TrySetResult(new RenewalOutcome.Unknown());
                    break;
                case LoopInput.Read read:
                    read.Pending.Refuse(new ReadNotConfirmedException());
                    break;
            }
        }

        Board.Close();
    }
}

/// <summary>Settings of a <see cref="ReplicaLoop"/>.</summary>
/// <param name="Self">Whose loop it is.</param>
/// <param name="TickDuration">Between ticks.</param>
/// <param name="FirstRequest">Never used before by this member, in any life.</param>
/// <param name="MaxQueued">Inputs that may wait.</param>
/// <param name="SlowTurn">Turns that take longer are logged.</param>
/// <param name="OnPeerRefused">Told of each refusal, on the loop.</param>
internal sealed record LoopOptions(PeerId Self, TimeSpan TickDuration, ulong FirstRequest, int MaxQueued, TimeSpan SlowTurn, Action<PeerId, Applier>? OnPeerRefused = null);

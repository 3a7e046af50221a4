using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store;

namespace Conclave.Simulation.World;

/// <summary>What a member tells whoever runs it.</summary>
internal interface IMemberEvents
{
    void TurnEnded(SimulatedMember member);

    void RoleChanged(SimulatedMember member, RoleChange change);

    void LeadershipEstablished(SimulatedMember member, Term term);

    void ProcessEnded(SimulatedMember member, string why);

    void Sending(SimulatedMember member, PeerId to, PeerMessage message);
}

/// <summary>
/// A machine with one process on it at most: the thin driver of a real <see cref="Replica"/>, as the loop of the runtime is one. Inputs wait until the
/// next turn; a turn takes as long as its flushes take, and what it sends or answers leaves when the flushes before it are done.
/// </summary>
internal sealed class SimulatedMember(PeerId id, ReplicaOptions options, SimulatedDisk disk, Agenda agenda, Random random, double clockRate, IMemberEvents events) : IReplicaOutput
{
    private const long TurnDelayMax = 1_000;
    private readonly long _tick = (long)(options.TickDuration.TotalMicroseconds / clockRate);
    private readonly Dictionary<ulong, Action<ProposalOutcome?>> _proposals = [];
    private readonly Dictionary<ulong, Action<Replica?>> _reads = [];
    private readonly Dictionary<ulong, Action<RenewalOutcome?>> _renewals = [];
    private List<Action<Replica>> _inbox = [];
    private ulong _nextRequest = 1;
    private bool _turnPlanned;
    private long _freeAt;
    private long _nextTick;
    private int _life;

    public PeerId Id => id;

    public SimulatedDisk Disk => disk;

    public ReplicaOptions Options => options;

    /// <summary>Null while no process runs.</summary>
    public Replica? Replica { get; private set; }

    public bool Up => Replica is not null;

    /// <summary>A planted bug: reads are answered from whatever is here.</summary>
    public bool ReadsUnconfirmed { get; init; }

    /// <summary>Counts processes.</summary>
    public int Life => _life;

    /// <summary>When what is sent now leaves the machine.</summary>
    public long Leaves => agenda.Now + disk.Busy;

    /// <summary>Starts a process on what the disk holds.</summary>
    public void Start()
    {
        _life++;
        _inbox = [];
        disk.Busy = 0;
        Guard(() => Replica = Replica.Open(options, disk, this, new Random(random.Next())));
        if (!Up)
            return;
        _freeAt = agenda.Now + disk.Busy;
        _nextTick = agenda.Now + random.NextInt64(_tick);
        PlanTick(_life);
        PlanTurn();
    }

    /// <summary>The process is gone. Whoever waits for it hears nothing, or that the connection broke.</summary>
    public void End(string why)
    {
        Replica = null;
        _inbox = [];
        _proposals.Clear();
        _reads.Clear();
        _renewals.Clear();
        events.ProcessEnded(this, why);
    }

    /// <summary>Stands still for so long; what comes meanwhile waits.</summary>
    public void Pause(long duration) => _freeAt = Math.Max(_freeAt, agenda.Now + duration);

    /// <summary>An input for the next turn; lost when no process runs.</summary>
    public void Post(Action<Replica> input)
    {
        if (!Up)
            return;
        _inbox.Add(input);
        PlanTurn();
    }

    /// <summary><paramref name="done"/> is not called when the process ends before.</summary>
    public void Propose(Command command, Action<ProposalOutcome?> done) => Post(replica =>
    {
        var number = NextRequest();
        _proposals.Add(number, done);
        replica.Propose(new RequestId(id, number), command);
    });

    /// <summary><paramref name="done"/> gets the replica to read from, or null when nobody could confirm the read.</summary>
    public void Read(Action<Replica?> done) => Post(replica =>
    {
        if (ReadsUnconfirmed)
        {
            done(replica);
            return;
        }

        var number = NextRequest();
        _reads.Add(number, done);
        replica.Read(number);
    });

    public void Renew(LeaseId lease, Action<RenewalOutcome?> done) => Post(replica =>
    {
        var number = NextRequest();
        _renewals.Add(number, done);
        replica.RenewLease(number, lease);
    });

    void IReplicaOutput.Send(PeerId to, PeerMessage message) => events.Sending(this, to, message);

    void IReplicaOutput.Completed(RequestId request, ProposalOutcome outcome)
    {
        if (_proposals.Remove(request.Number, out var done))
            done(outcome);
    }

    void IReplicaOutput.ReadReady(ulong read, bool confirmed)
    {
        if (_reads.Remove(read, out var done))
            done(confirmed ? Replica : null);
    }

    void IReplicaOutput.LeaseRenewed(ulong request, RenewalOutcome outcome)
    {
        if (_renewals.Remove(request, out var done))
            done(outcome);
    }

    void IReplicaOutput.RoleChanged(RoleChange change) => events.RoleChanged(this, change);

    void IReplicaOutput.LeadershipEstablished(Term term) => events.LeadershipEstablished(this, term);

    /// <summary>Numbers go on from life to life, as the runtime's do.</summary>
    private ulong NextRequest() => _nextRequest++;

    private void PlanTick(int life)
    {
        agenda.At(_nextTick, () =>
        {
            if (life == _life && Up)
                PlanTurn();
        });
    }

    private void PlanTurn()
    {
        if (_turnPlanned)
            return;
        _turnPlanned = true;
        agenda.At(Math.Max(_freeAt, agenda.Now + random.NextInt64(TurnDelayMax)), Turn);
    }

    private void Turn()
    {
        _turnPlanned = false;
        if (!Up)
            return;
        if (agenda.Now < _freeAt)
        {
            PlanTurn();
            return;
        }

        var replica = Replica!;
        var inputs = _inbox;
        _inbox = [];
        disk.Busy = 0;
        var more = false;
        Guard(() =>
        {
            foreach (var input in inputs)
                input(replica);

            // After the inputs, as in the runtime: who stood still first hears what has come meanwhile.
            if (TakeTick())
                replica.Tick();
            more = replica.RunTurn();
        });
        _freeAt = Math.Max(_freeAt, agenda.Now + disk.Busy);
        if (!Up)
            return;
        events.TurnEnded(this);
        if (more || _inbox.Count > 0 || _nextTick <= agenda.Now)
            PlanTurn();
    }

    /// <summary>The rule of the runtime's TickClock: a short delay is caught up with, a longer one forgotten.</summary>
    private bool TakeTick()
    {
        if (agenda.Now < _nextTick)
            return false;
        _nextTick = agenda.Now - _nextTick > 2 * _tick ? agenda.Now + _tick : _nextTick + _tick;
        PlanTick(_life);
        return true;
    }

    private void Guard(Action act)
    {
        try
        {
            act();
        }
        catch (PowerLostException)
        {
            Replica = null;
            disk.LosePower();
            End("power lost while it wrote");
        }
        catch (DiskFailedException e)
        {
            Replica = null;
            disk.ProcessEnded();
            End(e.Message);
        }
        catch (InvariantBrokenException e)
        {
            throw new InvariantViolatedException("Invariant", $"{id}: {e.Message}", e);
        }
        catch (DamagedFileException e)
        {
            throw new InvariantViolatedException("Recovery", $"{id}: {e.Message}", e);
        }
    }
}

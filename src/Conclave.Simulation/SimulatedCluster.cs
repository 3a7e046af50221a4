using System.Text;
using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Simulation.Clients;
using Conclave.Simulation.Invariants;
using Conclave.Simulation.World;
using Conclave.Store;
using Conclave.Store.Mvcc;
using Conclave.Store.Wal;

namespace Conclave.Simulation;

/// <summary>Members, their disks, the network between them and their clients, in one thread and on one agenda; every turn is checked from outside.</summary>
internal sealed class SimulatedCluster : IMemberEvents
{
    /// <summary>Pairs of keys, each with a history of its own.</summary>
    public const int Partitions = 8;

    private readonly SortedDictionary<PeerId, SimulatedMember> _members = [];
    private readonly Dictionary<(ReadOnlyMemory<byte> Key, Revision At), ReadOnlyMemory<byte>> _seen = new(new SeenComparer());
    private readonly LogInvariants _log;
    private readonly StoreInvariants _store = new();
    private readonly Weather _weather;
    private readonly Random _random;
    private readonly bool _watchLogs;
    private readonly bool _entriesBlanked;
    private readonly int? _firstElectionTicks;
    private int _values;

    public SimulatedCluster(Weather weather, Random random, SimulationOptions options)
    {
        _weather = weather;
        _random = random;
        _watchLogs = options.WatchLogs;
        _entriesBlanked = options.EntriesBlanked;
        _firstElectionTicks = weather.FirstElectionTicksMax == 0 || random.Next(2) == 0 ? null : random.Next(1, weather.FirstElectionTicksMax + 1);
        Trace = new Trace(Agenda);
        _log = new LogInvariants(FirstCommitted);
        var fastest = 1 + weather.ClockDrift;
        Leases = new LeaseInvariants(Agenda, fastest);
        Network = new SimulatedNetwork(Agenda, random, Trace, weather, id => _members[id]);
        var size = random.Next(3) == 0 ? 5 : 3;
        Ids = [.. Enumerable.Range(1, size).Select(i => new PeerId((ulong)i))];
        var membership = new Membership(Ids);
        foreach (var id in Ids)
        {
            var disk = new SimulatedDisk(random) { FlushLatency = (50, weather.FlushMax), Lies = options.DisksLie };
            var rate = (options.ClocksRace ? 2 : 1) + (weather.ClockDrift * ((2 * random.NextDouble()) - 1));
            _members.Add(id, new SimulatedMember(id, Options(id, membership, options), disk, Agenda, random, rate, this) { ReadsUnconfirmed = options.ReadsUnconfirmed });
        }

        Clients = [.. Enumerable.Range(1, options.Clients).Select(n => new SimulatedClient(n, this, random))];
    }

    public Agenda Agenda { get; } = new();

    public Trace Trace { get; }

    public SimulatedNetwork Network { get; }

    public LeaseInvariants Leases { get; }

    public IReadOnlyList<PeerId> Ids { get; }

    public IReadOnlyList<SimulatedClient> Clients { get; }

    public IEnumerable<SimulatedMember> Members => _members.Values;

    public List<Operation> History { get; } = [];

    public bool ClientsMayStop { get; set; }

    /// <summary>Whom the clients can reach.</summary>
    public IReadOnlyList<PeerId> Reachable { get; set; } = [];

    public int Operations { get; private set; }

    public int Elections => _log.Elections;

    public int AcknowledgedWrites => _store.AcknowledgedWrites;

    public ulong LastCommitted => _log.LastCommitted;

    public int TornWrites => Members.Sum(m => m.Disk.TornWrites);

    public int FailedFlushes => Members.Sum(m => m.Disk.FailedFlushes);

    public int Processes => Members.Sum(m => m.Life);

    public SimulatedMember this[PeerId id] => _members[id];

    public SimulatedMember? Leader => Members.Where(m => m.Replica?.Status is { Role: Role.Leader }).MaxBy(m => m.Replica!.Status.Term.Value);

    public void Begin()
    {
        Reachable = Ids;
        foreach (var id in Ids)
            Start(id);
        foreach (var client in Clients)
            client.Begin();
    }

    public void Start(PeerId id)
    {
        var member = _members[id];
        if (member.Up)
            return;
        Trace.Say($"{id} starts");
        member.Start();
        if (member.Up)
        {
            Network.Started(id, Ids);
            CheckTurn(member);
        }
    }

    public void Kill(PeerId id, bool powerLoss)
    {
        var member = _members[id];
        if (powerLoss)
            member.Disk.LosePower();
        else
            member.Disk.ProcessEnded();
        if (member.Up)
            member.End(powerLoss ? "power lost" : "killed");
    }

    public SimulatedMember AnyMember(Random random) => _members[Reachable[random.Next(Reachable.Count)]];

    public int NextValue() => ++_values;

    public void CountOperation() => Operations++;

    public void Acknowledge(Revision revision, Command.Put put) => _store.Acknowledge(new StoreInvariants.Acknowledged(revision, put.Key, put.Value));

    public void AcknowledgeDelete(Revision revision, byte[] key) => _store.Acknowledge(new StoreInvariants.Acknowledged(revision, key, null));

    /// <summary>Whoever reads a key's version sees the same bytes, from any member, at any time.</summary>
    public void Saw(KeyValue kv)
    {
        if (!_seen.TryAdd((kv.Key, kv.ModRevision), kv.Value) && !_seen[(kv.Key, kv.ModRevision)].Span.SequenceEqual(kv.Value.Span))
            throw new InvariantViolatedException("RevisionsAgree", $"{Encoding.UTF8.GetString(kv.Key.Span)} was read with two values at revision {kv.ModRevision}");
    }

    /// <summary>All have come to rest on one log: everything is compared.</summary>
    public void CheckAtRest()
    {
        foreach (var member in Members)
            _store.CheckAtRest(member);
    }

    void IMemberEvents.TurnEnded(SimulatedMember member) => CheckTurn(member);

    void IMemberEvents.RoleChanged(SimulatedMember member, RoleChange change)
    {
        Trace.Say($"{member.Id} {change.Role} term={change.Term} leader={change.Leader?.ToString() ?? "none"}: {change.Why}");
        if (change.Role != Role.Leader)
            return;
        if (_watchLogs && member.Replica is { } replica && replica.Raft.Term == change.Term)
            _log.CheckLeader(replica.Raft);
        if (Happens(_weather.LeaderFalls))
            Fall(member.Id, _random.NextInt64(60_000));
    }

    void IMemberEvents.LeadershipEstablished(SimulatedMember member, Term term)
    {
        Trace.Say($"{member.Id} established in {term}");
        _store.CheckEstablished(member, term);
    }

    void IMemberEvents.ProcessEnded(SimulatedMember member, string why)
    {
        Trace.Say($"{member.Id} ends: {why}");
        _log.ProcessEnded(member.Id);
        _store.ProcessEnded(member.Id);
        Network.Ended(member.Id, Ids);
        if (!Calm)
            Agenda.After(_random.NextInt64(1_000, _weather.DownMax), () => RestartUnlessCalm(member.Id));
    }

    void IMemberEvents.Sending(SimulatedMember member, PeerId to, PeerMessage message)
    {
        Network.Send(member.Id, to, _entriesBlanked && _random.Next(200) == 0 ? Blank(message) : message, member.Leaves);
        if (message is PeerMessage.Raft { Message: RaftMessage.VoteReply { Granted: true, PreVote: false } } && Happens(_weather.VoterFalls))
            Fall(member.Id, _random.NextInt64(10_000));
    }

    /// <summary>No more falls, and whoever falls all the same is not started here.</summary>
    public bool Calm { get; set; }

    private void RestartUnlessCalm(PeerId id)
    {
        if (!Calm)
            Start(id);
    }

    private void Fall(PeerId id, long delay)
    {
        var life = _members[id].Life;
        var powerLoss = _random.Next(2) == 0;
        Agenda.After(delay, () =>
        {
            if (!Calm && _members[id] is { Up: true } member && member.Life == life)
                Kill(id, powerLoss);
        });
    }

    private bool Happens(double probability) => !Calm && probability > 0 && _random.NextDouble() < probability;

    private static PeerMessage Blank(PeerMessage message) => message is PeerMessage.Raft { Message: RaftMessage.AppendEntries append }
        ? new PeerMessage.Raft(append with { Entries = [.. append.Entries.Select(e => new Entry(e.Id, EntryKind.Empty, default))] })
        : message;

    private void CheckTurn(SimulatedMember member)
    {
        if (_watchLogs)
            _log.Check(member);
        _store.Check(member);
    }

    private void FirstCommitted(Entry entry)
    {
        if (entry.Kind != EntryKind.Command)
            return;
        var (request, command) = CommandCodec.Decode(entry.Data);
        if (command is Command.RevokeLease revoke && (request.Number & Replica.InternalRequestBit) != 0)
            Leases.Expired(revoke.Id);
    }

    private ReplicaOptions Options(PeerId id, Membership membership, SimulationOptions options) => new()
    {
        Raft = new RaftOptions
        {
            Id = id,
            MaxAppendBytes = _weather.MaxAppendBytes,
            MaxInFlightAppends = _weather.MaxInFlightAppends,
            MaxUncommittedBytes = 64 << 10,
            MaxApplyBytes = 8 << 10,
            FirstElectionTicks = _firstElectionTicks,
            PlantedBug = options.PlantedBug,
        },
        Cluster = new ClusterId(0xc0),
        InitialMembership = membership,
        Wal = new WalOptions { SegmentBytes = 16 << 10, AllocateBytes = 6 << 10, MaxRecordBytes = 4 << 10 },
        SnapshotEntries = _weather.SnapshotEntries,
        SnapshotLogBytes = 64 << 10,
        TrailingEntries = _weather.TrailingEntries,
        SnapshotBytesPerTurn = 4 << 10,
        SnapshotChunkBytes = 8 << 10,
        RequestTicks = 80,
        ReadiesPerTurn = 4,
    };

    private sealed class SeenComparer : IEqualityComparer<(ReadOnlyMemory<byte> Key, Revision At)>
    {
        public bool Equals((ReadOnlyMemory<byte> Key, Revision At) x, (ReadOnlyMemory<byte> Key, Revision At) y) => x.At == y.At && x.Key.Span.SequenceEqual(y.Key.Span);

        public int GetHashCode((ReadOnlyMemory<byte> Key, Revision At) obj) => obj.At.GetHashCode();
    }
}

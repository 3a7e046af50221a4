using System.Collections.Immutable;
using System.Globalization;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Supervision;

/// <summary>
/// Starts, finds and probes the processes of one node's instances, and keeps their records: a record and the instance's name in the environment precede each spawn, so that a
/// process that was started a moment before its worker died is found (DESIGN 5.10). Owned by the worker's loop.
/// </summary>
public sealed class InstanceLauncher
{
    private const string GenerationVariable = "CONCLAVE_GENERATION";
    private readonly string _node;
    private readonly ClusterDirectory _directory;
    private readonly NodeLauncher _program;
    private readonly TimeProvider _time;
    private readonly InstanceRecordStore _store;
    private readonly PortAllocator _ports;
    private readonly SortedDictionary<InstanceId, InstanceRecord> _records = [];
    private ImmutableArray<string> _logs = [];

    /// <summary>The launcher of a node whose lock this process holds.</summary>
    public InstanceLauncher(string node, ClusterDirectory directory, NodeLauncher program, TimeProvider time)
    {
        _node = node;
        _directory = directory;
        _program = program;
        _time = time;
        _store = new InstanceRecordStore(directory.NodeInstances(node));
        _ports = new PortAllocator(directory.Root + node);
        var found = _store.ReadAll();
        Damaged = found.Damaged;
        foreach (var record in found.Records)
            _records[new InstanceId(record.Service, record.Number)] = record;
        ShowLogs();
    }

    /// <summary>Records that could not be read when this launcher began; their processes are still found by their environment.</summary>
    public IReadOnlyList<DamagedRecord> Damaged { get; }

    /// <summary>The log files of what runs here, to be kept within their size. Thread-safe.</summary>
    public ImmutableArray<string> Logs => ImmutableInterlocked.InterlockedCompareExchange(ref _logs, default, default);

    internal IReadOnlyList<KeyValuePair<InstanceId, InstanceRecord>> Records => [.. _records];

    internal int RestartsOf(InstanceId id) => _records.TryGetValue(id, out var record) ? record.Restarts : 0;

    /// <summary>
    /// The port that it has, or a new one, recorded with its next start; 0 for a gateway, which has inherited sockets instead. It keeps its port unless somebody listens there: chosen at the
    /// same moment by a sibling, taken by a stranger while this did not run. Then a start with it would fail again and again, so it gets another.
    /// </summary>
    /// <param name="id">Does not run now.</param>
    /// <param name="taken">Ports that the store knows of.</param>
    internal int PortOf(InstanceId id, IReadOnlySet<int> taken)
    {
        if (id.Service == ClusterNames.Gateway)
            return 0;
        if (_records.TryGetValue(id, out var record) && record.Port != 0 && PortAllocator.IsFree(record.Port))
            return record.Port;
        return _ports.Allocate(taken.Concat(_records.Values.Select(r => r.Port)).Concat(SiblingsPorts()).ToHashSet());
    }

    /// <summary>What the other nodes of this host have written down: an instance that waits for its next start listens nowhere, and the store may not know of it yet.</summary>
    private IEnumerable<int> SiblingsPorts() => Directory.EnumerateDirectories(_directory.Root)
        .Select(d => Path.GetFileName(d))
        .Where(n => n != _node)
        .SelectMany(n => InstanceRecordStore.Peek(_directory.NodeInstances(n)))
        .Select(r => r.Port);

    /// <exception cref="ProcessStartException">It could not be started; says why and what to do.</exception>
    internal SupervisedProcess Spawn(InstanceId id, Assignment assignment, int port, int restarts)
    {
        var record = new InstanceRecord
        {
            Service = id.Service,
            Number = id.Number,
            State = InstanceRecordState.Starting,
            Port = port,
            SpecHash = assignment.Spec.Hash,
            Generation = assignment.Generation,
            LogFile = _directory.InstanceLog(id),
            Restarts = restarts,
            Since = _time.GetUtcNow(),
        };
        Write(id, record, durable: false); // for our successor, should this process end; a power cut ends the instance too
        var process = ProcessSpawner.Spawn(SpecOf(id, assignment, port));
        Write(id, record with { State = InstanceRecordState.Running, Process = process.Identity });
        return process;
    }

    /// <summary>Takes charge of a recorded process that still runs; null when it ended.</summary>
    internal SupervisedProcess? TryAdopt(InstanceId id)
    {
        var record = _records[id];
        if (record.Process is { } identity)
            return SupervisedProcess.Adopt(identity);

        // Recorded and not known to run: the worker may have died between the spawn and its second record.
        return FindRunning(id) is { } found ? SupervisedProcess.Adopt(found.Process!.Value) : null;
    }

    /// <summary>
    /// A running process of this instance that this node has no record of: its former node is lost, or the record was damaged. Null when there is none.
    /// </summary>
    internal InstanceRecord? FindRunning(InstanceId id)
    {
        var leaders = ProcessTable.FindByEnvironment(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            [ClusterNames.InstanceVariable] = id.ToString(),
            [ClusterNames.DirectoryVariable] = _directory.Root,
        }).Where(p => p.LeadsSession).ToList();
        if (leaders.Count == 0)
            return null;
        var identity = leaders[0].Identity;
        var port = int.TryParse(ProcessTable.EnvironmentOf(identity.Pid, "PORT"), NumberStyles.None, CultureInfo.InvariantCulture, out var p) ? p : 0;
        var generation = long.TryParse(ProcessTable.EnvironmentOf(identity.Pid, GenerationVariable), NumberStyles.None, CultureInfo.InvariantCulture, out var g) ? g : 0;
        var record = new InstanceRecord
        {
            Service = id.Service,
            Number = id.Number,
            State = InstanceRecordState.Running,
            Port = port,
            SpecHash = "",
            Generation = generation,
            Process = identity,
            LogFile = _directory.InstanceLog(id),
            Since = _time.GetUtcNow(),
        };
        Write(id, record);
        return record;
    }

    /// <summary>Whether it serves, for a successor that adopts it.</summary>
    internal void Remember(InstanceId id, bool wasReady)
    {
        if (_records.TryGetValue(id, out var record) && record.WasReady != wasReady)
            Write(id, record with { WasReady = wasReady, HasServed = record.HasServed || wasReady, Since = _time.GetUtcNow() });
    }

    /// <summary>It ended and is not wanted.</summary>
    internal void Forget(InstanceId id)
    {
        _records.Remove(id);
        ShowLogs();
        _store.Delete(id.Service, id.Number);
    }

    /// <summary>Asks a probe once; answers within its timeout.</summary>
    internal Task<ProbeResult> ProbeAsync(InstanceId id, int port, ServiceSpec service, ProbeSpec probe, CancellationToken cancel)
    {
        if (id.Service == ClusterNames.Gateway)
            return Prober.ProbeGatewayAsync(probe, _directory.GatewaySocket(id.Number), cancel);
        var filled = probe with { Command = CommandLine.Resolve(probe.Command, new InstanceIdentity(id.ToString(), _node, port)) };
        return Prober.ProbeAsync(filled, port, service.Directory, cancel);
    }

    private void Write(InstanceId id, InstanceRecord record, bool durable = true)
    {
        _store.Write(record, durable);
        _records[id] = record;
        ShowLogs();
    }

    private void ShowLogs() => ImmutableInterlocked.InterlockedExchange(ref _logs, [.. _records.Values.Select(r => r.LogFile)]);

    private ProcessSpec SpecOf(InstanceId id, Assignment assignment, int port)
    {
        var service = assignment.Spec;
        var resolved = CommandLine.Resolve(service, new InstanceIdentity(id.ToString(), _node, port));
        var environment = resolved.Environment.ToDictionary(e => e.Key, e => (string?)e.Value, StringComparer.Ordinal);
        environment[ClusterNames.DirectoryVariable] = _directory.Root;
        NodeRuntime.Withhold(environment);
        environment[GenerationVariable] = assignment.Generation.ToString(CultureInfo.InvariantCulture);
        return id.Service == ClusterNames.Gateway
            ? _program.GatewaySpec(id.Number, _directory.InstanceLog(id)) with { Environment = environment }
            : new ProcessSpec
            {
                FileName = resolved.Arguments[0],
                Arguments = resolved.Arguments.RemoveAt(0),
                Directory = service.Directory,
                Environment = environment,
                LogFile = _directory.InstanceLog(id),
            };
    }
}

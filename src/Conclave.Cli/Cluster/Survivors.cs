using System.Collections.Immutable;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;
using Conclave.Orchestration.Supervision;

namespace Conclave.Cli.Cluster;

/// <summary>An instance or gateway as the disk knows it. <paramref name="Record"/>: that of its living process; null when it was last wanted and does not run.</summary>
internal readonly record struct Survivor(InstanceId Id, string? Node, InstanceRecord? Record);

/// <summary>What runs of a cluster whose nodes cannot be asked: the nodes' records of it, each checked against the process table by pid and start time, as a node does that adopts.</summary>
internal static class Survivors
{
    /// <summary>Everything that was last assigned to a node of this host or still runs, by id. Reads only.</summary>
    public static ImmutableArray<Survivor> Of(ClusterDirectory directory, IEnumerable<string> nodes)
    {
        var found = new SortedDictionary<InstanceId, Survivor>();
        foreach (var node in nodes)
        {
            foreach (var id in AssignmentFile.Load(directory.NodeAssignments(node)).Keys)
                found.TryAdd(id, new Survivor(id, node, null));
            foreach (var record in InstanceRecordStore.Peek(directory.NodeInstances(node)))
            {
                if (record.Process is { } process && process.IsAlive())
                    found[new InstanceId(record.Service, record.Number)] = new Survivor(new InstanceId(record.Service, record.Number), node, record);
            }
        }

        return [.. found.Values];
    }

    /// <summary>How they are shown; nothing when none of them runs. Nobody asks their probes now, so none is called ready.</summary>
    public static (ImmutableArray<ServiceStatus> Services, ImmutableArray<InstanceStatus> Gateways) Show(ClusterSpec spec, IReadOnlyList<Survivor> survivors)
    {
        if (survivors.All(s => s.Record is null))
            return ([], []);
        var shown = survivors.ToLookup(s => s.Id.Service, Show, StringComparer.Ordinal);
        return ([.. shown.Where(g => g.Key != ClusterNames.Gateway).Select(g => ServiceOf(spec.Service(g.Key), g))], [.. shown[ClusterNames.Gateway]]);
    }

    private static ServiceStatus ServiceOf(ServiceSpec? file, IGrouping<string, InstanceStatus> instances)
    {
        var all = instances.ToImmutableArray();
        return new ServiceStatus { Name = instances.Key, Desired = all.Length, Ready = 0, File = file is null || file.Replicas == all.Length ? null : file.Replicas, Instances = all };
    }

    private static InstanceStatus Show(Survivor survivor) => survivor.Record is { } record
        ? new InstanceStatus
        {
            Id = survivor.Id.ToString(),
            Pid = record.Process!.Value.Pid,
            Port = record.Port == 0 ? null : record.Port,
            Node = survivor.Node,
            State = RunState.Unknown,
            Restarts = record.Restarts,
            Since = record.Since,
            Why = "it runs and nobody watches over it",
        }
        : new InstanceStatus { Id = survivor.Id.ToString(), Node = survivor.Node, State = RunState.Unknown, Why = "it does not run and nobody starts it" };
}

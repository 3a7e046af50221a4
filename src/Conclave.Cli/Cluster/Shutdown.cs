using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;
using Conclave.Orchestration.Supervision;

namespace Conclave.Cli.Cluster;

/// <summary>
/// Ends everything that a cluster started on this host, whether its nodes live, hang or are gone: nodes first, so that nobody starts anything anew; then gateways, so that clients see a closed
/// port and not errors; then instances, each in its own way.
/// </summary>
internal sealed class Shutdown(ClusterHandle cluster, IProgress<string> progress)
{
    private static readonly TimeSpan NodeGrace = TimeSpan.FromSeconds(5);

    /// <summary>Whether a node, a gateway or an instance of the cluster lives.</summary>
    public bool AnythingRuns() => cluster.Nodes.Any(n => cluster.Holder(n) is not null) || Running().Count > 0;

    /// <summary>Returns when all of it was seen dead.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        var directory = cluster.Directory;
        await File.WriteAllTextAsync(directory.DownMark, "", stopping);
        var nodes = cluster.Nodes.Select(cluster.Holder).OfType<ProcessIdentity>().ToList();
        progress.Report($"stopping {Counted.Of(nodes.Count, "node")}");
        await Task.WhenAll(nodes.Select(n => EndAsync(n, Signal.Term, NodeGrace, stopping)));

        var specs = LastSpecs();
        var running = Running();
        var gateways = running.Where(r => r.Id.Service == ClusterNames.Gateway).ToList();
        var instances = running.Except(gateways).ToList();
        progress.Report($"stopping {Counted.Of(gateways.Count, "gateway")}, then {Counted.Of(instances.Count, "instance")}");
        foreach (var group in (List<(InstanceId Id, ProcessIdentity Process)>[])[gateways, instances])
        {
            await Task.WhenAll(group.Select(one =>
            {
                var spec = specs.GetValueOrDefault(one.Id);
                return EndAsync(one.Process, spec?.StopSignal ?? Signal.Term, spec?.StopGracePeriod ?? TimeSpan.FromSeconds(20), stopping);
            }));
        }
    }

    /// <summary>What runs, by the records of the nodes and, for what no record tells of, by the environment that each was started with.</summary>
    private List<(InstanceId Id, ProcessIdentity Process)> Running()
    {
        var found = new Dictionary<ProcessIdentity, InstanceId>();
        foreach (var node in cluster.Nodes.Where(n => Directory.Exists(cluster.Directory.NodeInstances(n))))
        {
            foreach (var record in new InstanceRecordStore(cluster.Directory.NodeInstances(node)).ReadAll().Records)
            {
                if (record.Process is { } process && process.IsAlive())
                    found[process] = new InstanceId(record.Service, record.Number);
            }
        }

        var mine = new Dictionary<string, string>(StringComparer.Ordinal) { [ClusterNames.DirectoryVariable] = cluster.Directory.Root };
        foreach (var process in ProcessTable.FindByEnvironment(mine).Where(p => p.LeadsSession))
        {
            if (InstanceId.TryParse(ProcessTable.EnvironmentOf(process.Identity.Pid, ClusterNames.InstanceVariable), out var id))
                found.TryAdd(process.Identity, id.Value);
        }

        return [.. found.Select(f => (f.Value, f.Key))];
    }

    private Dictionary<InstanceId, ServiceSpec> LastSpecs()
    {
        var specs = new Dictionary<InstanceId, ServiceSpec>();
        foreach (var node in cluster.Nodes)
        {
            foreach (var (id, assignment) in AssignmentFile.Load(cluster.Directory.NodeAssignments(node)))
                specs[id] = assignment.Spec;
        }

        return specs;
    }

    private static async Task EndAsync(ProcessIdentity identity, Signal signal, TimeSpan grace, CancellationToken stopping)
    {
        using var process = SupervisedProcess.Adopt(identity);
        if (process is null)
            return;
        if (process.IsStopped)
            process.Signal(Signal.Cont); // a stopped process would sleep through its grace
        await process.StopAsync(signal, grace, stopping);
    }
}

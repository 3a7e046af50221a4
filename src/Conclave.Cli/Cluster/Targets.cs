using System.Collections.Immutable;
using System.Diagnostics;
using Conclave.Orchestration;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Processes;

namespace Conclave.Cli.Cluster;

/// <summary>What the words <c>web/2</c>, <c>web</c>, <c>node-2</c>, <c>leader</c>, <c>gateway/1</c> mean in a cluster now.</summary>
internal sealed class Targets(ClusterHandle cluster)
{
    /// <summary>An election takes a fraction of a second, on a busy machine some; who asks during one means the next leader.</summary>
    private static readonly TimeSpan ElectionPatience = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(100);

    /// <summary>The processes that a target names; at least one.</summary>
    public async Task<ImmutableArray<(string Id, ProcessIdentity Process)>> ProcessesAsync(string target, CancellationToken cancel)
    {
        if (target == "leader")
            target = await LeaderAsync(cancel);

        if (cluster.Nodes.Contains(target, StringComparer.Ordinal))
            return cluster.Holder(target) is { } node ? [(target, node)] : throw new ConclaveException($"{target} does not run");

        var running = Recorded();
        var found = running.Where(r => r.Id.ToString() == target || r.Id.Service == target).Select(r => (r.Id.ToString(), r.Process)).ToImmutableArray();
        if (!found.IsEmpty)
            return found;
        var names = cluster.Nodes.Where(n => cluster.Holder(n) is not null).Concat(running.Select(r => r.Id.ToString())).ToList();
        throw new ConclaveException(
            names.Count == 0 ? $"there is no {target}; nothing runs" : $"there is no {target}; running are {string.Join(", ", names)}",
            names.Count == 0 ? ExitCode.NotRunning : ExitCode.Failed);
    }

    private async Task<string> LeaderAsync(CancellationToken cancel)
    {
        var asked = Stopwatch.GetTimestamp();
        while (true)
        {
            var status = await cluster.StatusAsync(cancel);
            if (status.Leader is { } leader)
                return leader.Node;
            if (Stopwatch.GetElapsedTime(asked) > ElectionPatience)
                throw new ConclaveException($"nobody has led for {ElectionPatience.TotalSeconds:0} s. {status.Summary}");
            await Task.Delay(Look, cancel);
        }
    }

    /// <summary>The log files that a target names; works while nothing runs.</summary>
    public IReadOnlyList<LogFile> Logs(string target)
    {
        var logs = cluster.Nodes.Select(n => new LogFile(n, cluster.Directory.NodeLog(n)))
            .Concat(InstanceLogs())
            .Where(l => File.Exists(l.Path))
            .ToList();
        var found = logs.Where(l => l.Id == target || l.Id.StartsWith(target + "/", StringComparison.Ordinal)).ToList();
        return found.Count > 0
            ? found
            : throw new ConclaveException(logs.Count == 0 ? "nothing has logged yet" : $"no log of {target}; there are logs of {string.Join(", ", logs.Select(l => l.Id))}");
    }

    /// <summary>Instances that live, by the nodes' records: right also when no node can be asked.</summary>
    private List<(InstanceId Id, ProcessIdentity Process)> Recorded() =>
        [.. Records().Where(r => r.Process is { } p && p.IsAlive()).Select(r => (new InstanceId(r.Service, r.Number), r.Process!.Value)).OrderBy(r => r.Item1)];

    private IEnumerable<LogFile> InstanceLogs() =>
        Directory.Exists(cluster.Directory.Logs)
            ? Directory.EnumerateFiles(cluster.Directory.Logs, "*.log").Order(StringComparer.Ordinal).Select(path => new LogFile(IdOf(path), path))
            : [];

    private IEnumerable<InstanceRecord> Records() =>
        cluster.Nodes.Select(cluster.Directory.NodeInstances).Where(Directory.Exists).SelectMany(d => new InstanceRecordStore(d).ReadAll().Records);

    private static string IdOf(string path)
    {
        var name = Path.GetFileNameWithoutExtension(path);
        var dash = name.LastIndexOf('-');
        return dash < 0 ? name : name[..dash] + "/" + name[(dash + 1)..];
    }
}

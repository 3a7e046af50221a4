using System.Globalization;
using System.Text.Json.Nodes;
using Conclave.Etcd;
using Conclave.Orchestration;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Leader;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;
using Conclave.Orchestration.Supervision;
using Conclave.Server;
using Conclave.Wire.Etcd;
using Microsoft.Extensions.Logging;

namespace Conclave.Cli.Cluster;

/// <summary>The process of one node: a voter of the coordination group, a worker, a candidate for leader, a keeper of its siblings.</summary>
internal static class NodeProgram
{
    public static async Task<int> RunAsync(ChildArguments arguments, CancellationToken stopping)
    {
        await using var cluster = ClusterHandle.Open(new ClusterLocation(arguments.Data));
        var directory = cluster.Directory;
        var node = arguments.Name;
        using var identity = DirectoryLock.TryAcquire(directory.Node(node))
            ?? throw new ConclaveException($"{node} runs already, as {DirectoryLock.ReadHolder(directory.Node(node))}");
        using var logs = NodeLogging.Create();
        using var events = new EventLog(directory.NodeEvents(node), node);
        var starts = CountStart(directory.NodeStarts(node));
        events.Append(EventKind.NodeStarted, node, data: new JsonObject { ["pid"] = Environment.ProcessId, ["starts"] = starts });

        await using var server = cluster.Spec.IsEmbedded ? await StartServerAsync(cluster, node, logs, events, stopping) : null;
        await using var client = new EtcdClient(ClusterHandle.ClientOptions(cluster.Spec, OwnFirst(cluster, node)));
        var store = new ClusterStore(client, new ClusterKeys(cluster.Spec.Name));
        var watcher = new ClusterWatcher(store, logs.CreateLogger("Conclave.Watch"));
        var launcher = NodeLauncher.OfThisProgram(directory, [.. arguments.Listeners]);
        var instances = new InstanceLauncher(node, directory, launcher, TimeProvider.System);
        var worker = new Worker(node, starts - 1, directory, instances, store, watcher, events, logs.CreateLogger("Conclave.Worker"), TimeProvider.System);
        var keeper = new NodeKeeper(
            node,
            cluster.Nodes,
            directory,
            launcher,
            (kind, subject, why) => events.Append(kind, subject, (ulong)(watcher.View.Leader?.Term ?? 0), why),
            logs.CreateLogger("Conclave.Keeper"),
            TimeProvider.System);
        var control = new NodeControl(directory.ControlSocket(node), launcher.Listeners, worker.PingAsync, logs.CreateLogger("Conclave.Control"));
        var leader = new LeaderLoop(node, store, watcher, events, logs.CreateLogger("Conclave.Leader"), TimeProvider.System);
        await using var election = ElectionOf(cluster, node, server, watcher, store, client);

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        List<Task> parts =
        [
            watcher.RunAsync(ended.Token),
            worker.RunAsync(ended.Token),
            control.RunAsync(ended.Token),
            leader.RunAsync(election, ended.Token),
            keeper.ExecuteOrdersAsync(watcher, ended.Token),
            new LogTrimmer(TimeProvider.System).RunAsync(() => instances.Logs.Append(directory.NodeLog(node)), (file, result) => TellOf(events, file, result), ended.Token),
            keeper.KeepWithoutLeaderAsync(() => SomebodyLeads(server, watcher), ended.Token),
        ];
        if (server is not null)
            parts.Add(server.Completion);

        // A node is whole or it is not a node: what ends by itself ends the process, and a sibling starts it anew.
        var first = await Task.WhenAny(parts);
        await ended.CancelAsync();
        await Task.WhenAll(parts.Where(p => p != server?.Completion)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (stopping.IsCancellationRequested)
        {
            events.Append(EventKind.NodeStopped, node);
            return ExitCode.Ok;
        }

        var fault = first.Exception?.GetBaseException() ?? new InvalidOperationException("A part of the node ended.");
        throw Failed(events, node, fault);
    }

    private static async Task<EtcdServer> StartServerAsync(ClusterHandle cluster, string node, ILoggerFactory logs, EventLog events, CancellationToken stopping)
    {
        try
        {
            return await EtcdServer.StartAsync(ServerOptions(cluster, node, logs), stopping);
        }
        catch (Exception fault) when (MemberFaults.Explain(fault) is not null)
        {
            throw Failed(events, node, fault);
        }
    }

    private static void TellOf(EventLog events, string file, TrimResult result)
    {
        if (result is TrimResult.Failed failed)
            events.Append(EventKind.LogUntrimmed, Path.GetFileName(file), why: $"it may grow without bound: {failed.Why}");
    }

    /// <summary>The event tells the others why, the exception ends the process with one line in its log.</summary>
    private static Exception Failed(EventLog events, string node, Exception fault)
    {
        events.Append(EventKind.NodeFailed, node, why: fault.Message);
        return MemberFaults.Explain(fault) ?? fault;
    }

    /// <summary>How often this node has been started in its directory, this time included. For people: a damaged count begins again.</summary>
    private static int CountStart(string path)
    {
        var starts = 1 + (File.Exists(path) && int.TryParse(File.ReadAllText(path), NumberStyles.None, CultureInfo.InvariantCulture, out var before) ? before : 0);
        File.WriteAllText(path, starts.ToString(CultureInfo.InvariantCulture));
        return starts;
    }

    private static EtcdServerOptions ServerOptions(ClusterHandle cluster, string node, ILoggerFactory logs) => new()
    {
        Name = node,
        DataDir = cluster.Directory.NodeStore(node),
        ListenClientUrls = ["unix://" + cluster.Directory.ClientSocket(node)],
        AdvertiseClientUrls = ["unix://" + cluster.Directory.ClientSocket(node)],
        ListenPeerUrls = ["unix://" + cluster.Directory.PeerSocket(node)],
        InitialAdvertisePeerUrls = ["unix://" + cluster.Directory.PeerSocket(node)],
        InitialCluster = string.Join(',', cluster.Nodes.Select(n => $"{n}=unix://{cluster.Directory.PeerSocket(n)}")),
        InitialClusterToken = cluster.Spec.Name,

        // Between processes of one host, where the end of a connection tells of a death at once, heartbeats are for the hung only. Half as many save a third of what idle nodes cost.
        HeartbeatInterval = TimeSpan.FromMilliseconds(200),
        Loggers = logs,
    };

    private static List<string> OwnFirst(ClusterHandle cluster, string node)
    {
        var own = "unix://" + cluster.Directory.ClientSocket(node);
        return [.. ClusterHandle.EndpointsOf(cluster.Directory, cluster.Spec).OrderByDescending(e => e == own)];
    }

    private static ILeaderElection ElectionOf(
        ClusterHandle cluster, string node, EtcdServer? server, ClusterWatcher watcher, ClusterStore store, EtcdClient client) =>
        cluster.Spec.Election == ElectionKind.Raft && server is not null
            ? new RaftElection(node, server.Member, watcher, store.Keys, TimeProvider.System)
            : new SeatedElection(
                new EtcdElection(new EtcdSession(client), store.Keys.Election, new EtcdElectionOptions { Value = node }), node, store, TimeProvider.System);

    /// <summary>With an etcd of their own the nodes do not know; then the leader is whoever still reports.</summary>
    private static bool SomebodyLeads(EtcdServer? server, ClusterWatcher watcher) =>
        server is not null ? server.Member.Standing.Leader is not null : watcher.View is { Leader: { } leader } view && view.Nodes.ContainsKey(leader.Node);
}

using System.Collections.Immutable;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Tests.Cluster;

/// <summary>Builds views for tests of what is decided from them.</summary>
internal static class Views
{
    public static readonly ServiceSpec Web = new()
    {
        Name = "web",
        Command = ["web"],
        Directory = "/",
        Ready = new ProbeSpec { Kind = ProbeKind.Http, Path = "/readyz" },
        Live = new ProbeSpec { Kind = ProbeKind.Http, Path = "/livez", Interval = TimeSpan.FromSeconds(2), Failures = 3 },
    };

    public static ProcessIdentity Process(int pid) => new(pid, pid * 100L, "boot-1");

    /// <summary>Nodes node-1..n, all reporting from the same host.</summary>
    public static ClusterView Cluster(int nodes) => ClusterView.Empty with
    {
        Settings = new ClusterSettings([.. Enumerable.Range(1, nodes).Select(i => $"node-{i}")], GatewaySpec.None),
        Nodes = Enumerable.Range(1, nodes).ToImmutableSortedDictionary(i => $"node-{i}", i => Node(i, 1_000 + i), StringComparer.Ordinal),
    };

    public static NodeReport Node(int number, int pid) => new()
    {
        Name = $"node-{number}",
        Host = "boot-1",
        Process = Process(pid),
        Control = $"/run/node-{number}.ctl",
        Since = DateTimeOffset.UnixEpoch,
    };

    public static ClusterView WithService(this ClusterView view, int replicas, long generation = 1, ServiceSpec? spec = null) => view with
    {
        Services = view.Services.SetItem("web", new ServiceState
        {
            Spec = spec ?? Web,
            Replicas = replicas,
            FileReplicas = replicas,
            FileHash = "",
            Generation = generation,
        }),
    };

    public static ClusterView WithInstance(this ClusterView view, int number, string node, RunState state, long generation = 1, int pid = 500) => view with
    {
        Assignments = view.Assignments.SetItem(new InstanceId("web", number), new Assignment(node, generation, Web)),
        Instances = view.Instances.SetItem(new InstanceId("web", number), new InstanceReport
        {
            Id = new InstanceId("web", number),
            Node = node,
            State = state,
            Generation = generation,
            Process = Process(pid + number),
            Port = 20_000 + number,
            Since = DateTimeOffset.UnixEpoch,
        }),
    };
}

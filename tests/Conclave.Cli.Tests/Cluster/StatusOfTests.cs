using System.Collections.Immutable;
using Conclave.Cli.Cluster;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;

namespace Conclave.Cli.Tests.Cluster;

public sealed class StatusOfTests
{
    private static readonly ServiceSpec Web = new() { Name = "web", Command = ["web"], Directory = "/", Replicas = 2 };

    private static readonly ClusterSpec Spec = new()
    {
        Name = "shop",
        Nodes = 3,
        DataDirectory = "/shop/.conclave",
        Services = [Web],
        Gateway = new GatewaySpec { Listen = ["http://127.0.0.1:8080"] },
        FileHash = "",
    };

    private static readonly IReadOnlyList<NodeSighting> AllAnswer = [new("node-1", 11, true, Follows(4)), new("node-2", 12, true, Leads(4)), new("node-3", 13, true, Follows(4))];

    [Fact]
    public void Cluster_with_everything_it_wants_is_healthy_and_names_its_leader_with_term_and_token()
    {
        var status = StatusOf.Of(Spec, View(), hasQuorum: true, AllAnswer, []);

        Assert.Equal(ClusterState.Healthy, status.State);
        Assert.Equal(new LeaderStatus("node-2", 4, 77), status.Leader);
        Assert.Equal(["follower", "leader", "follower"], status.Nodes.Select(n => n.Role));
        Assert.Equal((2, 2, null), (status.Services[0].Desired, status.Services[0].Ready, status.Services[0].File));
        Assert.Equal("Healthy: web 2/2, nodes 3/3, leader node-2, term 4", status.Summary);
        Assert.Equal("http://127.0.0.1:8080", Assert.Single(status.Urls));
    }

    [Fact]
    public void Leader_is_named_only_while_it_answers_and_there_is_a_quorum()
    {
        Assert.Null(StatusOf.Of(Spec, View(), hasQuorum: false, AllAnswer, []).Leader);
        var silent = StatusOf.Of(Spec, View(), hasQuorum: true, [AllAnswer[0], new("node-2", 12, false, Leads(4)), AllAnswer[2]], []);
        Assert.Null(silent.Leader);
        Assert.Equal((ClusterState.Electing, RunState.Unready), (silent.State, silent.Nodes[1].State));
    }

    [Fact]
    public void Leader_that_the_store_names_is_not_the_new_process_of_one_that_was_killed()
    {
        // The others have not noticed yet: they still know a leader, and the store still names it.
        var restarted = StatusOf.Of(Spec, View(), hasQuorum: true, [AllAnswer[0], new("node-2", 22, true, new MemberSighting(4, KnowsLeader: false, Leads: false)), AllAnswer[2]], []);
        Assert.Equal((null, ClusterState.Electing), (restarted.Leader, restarted.State));

        // It won again, and the store does not say so yet; or another stands in a later term.
        Assert.Null(StatusOf.Of(Spec, View(), hasQuorum: true, [AllAnswer[0], new("node-2", 22, true, Leads(5)), AllAnswer[2]], []).Leader);
        Assert.Null(StatusOf.Of(Spec, View(), hasQuorum: true, [AllAnswer[0], AllAnswer[1], new("node-3", 13, true, new MemberSighting(5, KnowsLeader: false, Leads: false))], []).Leader);
    }

    [Fact]
    public void Leader_of_nodes_that_keep_their_state_elsewhere_is_whom_the_store_names()
    {
        var elsewhere = Spec with { EtcdEndpoints = ["http://127.0.0.1:2379"] };
        IReadOnlyList<NodeSighting> nodes = [new("node-1", 11, true), new("node-2", 12, true), new("node-3", 13, true)];
        Assert.Equal("node-2", StatusOf.Of(elsewhere, View(), hasQuorum: true, nodes, []).Leader?.Node);
    }

    [Fact]
    public void Node_without_a_process_is_starting_when_somebody_was_ordered_to_start_it_and_stopped_otherwise()
    {
        IReadOnlyList<NodeSighting> nodes = [AllAnswer[0], AllAnswer[1], new("node-3", null, false)];
        var view = View();

        Assert.Equal(RunState.Stopped, StatusOf.Of(Spec, view, true, nodes, []).Nodes[2].State);
        var ordered = view with { Orders = view.Orders.SetItem("node-3", new NodeOrder("node-3", "node-1", null, "it ended")) };
        var status = StatusOf.Of(Spec, ordered, true, nodes, []);
        Assert.Equal((RunState.Starting, null, ClusterState.Degraded), (status.Nodes[2].State, status.Nodes[2].Role, status.State));
    }

    [Fact]
    public void Instance_is_not_ready_by_the_report_of_a_process_that_has_ended()
    {
        var view = View();
        var ended = view.Instances[new InstanceId("web", 2)].Process!.Value;

        var web = StatusOf.Of(Spec, StatusOf.WithoutEnded(view, process => process != ended), true, AllAnswer, []).Services[0];
        Assert.Equal((1, RunState.Ready, RunState.Unknown), (web.Ready, web.Instances[0].State, web.Instances[1].State));
        Assert.Equal($"{ended} has ended", web.Instances[1].Why);
    }

    [Fact]
    public void Scaled_service_shows_both_counts()
    {
        var view = View();
        view = view with { Services = view.Services.SetItem("web", view.Services["web"] with { Replicas = 5 }) };

        var web = StatusOf.Of(Spec, view, true, AllAnswer, []).Services[0];

        Assert.Equal((5, 2, 2), (web.Desired, web.Ready, web.File));
        Assert.Equal(["web/1", "web/2", "web/3", "web/4", "web/5"], web.Instances.Select(i => i.Id));
        Assert.Equal(RunState.Pending, web.Instances[4].State);
    }

    [Fact]
    public void Instance_is_pending_without_a_node_unknown_without_a_report_and_stopped_when_it_is_not_wanted()
    {
        var view = View();
        view = view with
        {
            Services = view.Services.SetItem("web", view.Services["web"] with { Replicas = 4, StoppedInstances = [4] }),
            Assignments = view.Assignments.SetItem(new InstanceId("web", 3), new Assignment("node-3", 1, Web)).Remove(new InstanceId("web", 2)),
            Instances = view.Instances.Remove(new InstanceId("web", 2)),
        };

        var instances = StatusOf.Of(Spec, view, true, AllAnswer, []).Services[0].Instances;

        Assert.Equal([RunState.Ready, RunState.Pending, RunState.Unknown, RunState.Stopped], instances.Select(i => i.State));
        Assert.Equal("node-3", instances[2].Node);
    }

    [Fact]
    public void Instance_that_still_runs_though_nobody_wants_it_is_shown()
    {
        var view = View();
        view = view with { Services = view.Services.SetItem("web", view.Services["web"] with { Replicas = 1 }) };

        var web = StatusOf.Of(Spec, view, true, AllAnswer, []).Services[0];

        Assert.Equal(["web/1", "web/2"], web.Instances.Select(i => i.Id));
        Assert.Equal(502, web.Instances[1].Pid);
    }

    [Fact]
    public void Cluster_of_which_no_node_can_be_asked_is_stopped()
    {
        var status = StatusOf.Of(Spec, null, false, [new("node-1", null, false), new("node-2", null, false), new("node-3", null, false)], []);

        Assert.Equal(ClusterState.Stopped, status.State);
        Assert.Null(status.Leader);
        Assert.All(status.Nodes, n => Assert.Equal((RunState.Stopped, null), (n.State, n.Role)));
    }

    [Fact]
    public void What_outlived_every_node_is_shown_from_the_disk_whatever_the_store_remembers()
    {
        IReadOnlyList<NodeSighting> dead = [new("node-1", null, false), new("node-2", null, false), new("node-3", null, false)];
        Survivor[] survivors = [Alive("gateway", 1, 900), new(new InstanceId("gateway", 2), "node-2", null), Alive("web", 1, 901), Alive("web", 2, 902), Alive("web", 3, 903)];

        var status = StatusOf.Of(Spec, View(), true, dead, survivors);

        Assert.Equal("Down: no node runs; web 3/3, gateways 1/2 still running, run 'conclave up' to restore", status.Summary);
        Assert.Equal((ClusterState.Stopped, 3, 0, 2), (status.State, status.Services[0].Desired, status.Services[0].Ready, status.Services[0].File));
        Assert.Equal([901, 902, 903], status.Services[0].Instances.Select(i => i.Pid));
        Assert.All(status.Services[0].Instances, i => Assert.Equal((RunState.Unknown, "node-1"), (i.State, i.Node)));
        Assert.Equal([900, null], status.Gateways.Select(g => g.Pid));
    }

    [Fact]
    public void When_nothing_outlived_the_nodes_nothing_is_listed()
    {
        var status = StatusOf.Of(Spec, null, false, [new("node-1", null, false)], [new(new InstanceId("web", 1), "node-1", null)]);

        Assert.Equal("Stopped: no node runs", status.Summary);
        Assert.Empty(status.Services);
    }

    private static Survivor Alive(string service, int number, int pid) => new(new InstanceId(service, number), "node-1", new InstanceRecord
    {
        Service = service,
        Number = number,
        State = InstanceRecordState.Running,
        SpecHash = "",
        Process = new ProcessIdentity(pid, 1, "boot"),
        LogFile = "",
        Since = DateTimeOffset.UnixEpoch,
    });

    private static MemberSighting Leads(ulong term) => new(term, KnowsLeader: true, Leads: true);

    private static MemberSighting Follows(ulong term) => new(term, KnowsLeader: true, Leads: false);

    /// <summary>node-2 leads; web/1 and web/2 are ready on node-1.</summary>
    private static ClusterView View() => ClusterView.Empty with
    {
        Leader = new LeaderRecord("node-2", 4, DateTimeOffset.UnixEpoch),
        LeaderToken = 77,
        Settings = new ClusterSettings(["node-1", "node-2", "node-3"], GatewaySpec.None),
        Services = ClusterView.Empty.Services.SetItem("web", new ServiceState { Spec = Web, Replicas = 2, FileReplicas = 2, FileHash = "" }),
        Assignments = Enumerable.Range(1, 2).ToImmutableSortedDictionary(n => new InstanceId("web", n), _ => new Assignment("node-1", 1, Web)),
        Instances = Enumerable.Range(1, 2).ToImmutableSortedDictionary(
            n => new InstanceId("web", n),
            n => new InstanceReport
            {
                Id = new InstanceId("web", n),
                Node = "node-1",
                State = RunState.Ready,
                Generation = 1,
                Process = new ProcessIdentity(500 + n, 1, "boot"),
                Port = 20_000 + n,
                Since = DateTimeOffset.UnixEpoch,
            }),
    };
}

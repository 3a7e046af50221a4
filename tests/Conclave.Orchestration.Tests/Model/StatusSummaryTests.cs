using System.Text.Json;
using Conclave.Orchestration.Model;
using Xunit;

namespace Conclave.Orchestration.Tests.Model;

public sealed class StatusSummaryTests
{
    private static readonly ClusterStatus Healthy = new()
    {
        Name = "shop",
        Leader = new LeaderStatus("node-2", 4, 17),
        Nodes = [Node(1), Node(2), Node(3)],
        Services = [Web(RunState.Ready, RunState.Ready, RunState.Ready)],
        Gateways = [Gateway(1), Gateway(2)],
    };

    private static NodeStatus Node(int number, RunState state = RunState.Ready) => new() { Name = $"node-{number}", Pid = 100 + number, State = state };

    private static NodeStatus Down(int number) => Node(number, RunState.Stopped) with { Pid = null };

    private static InstanceStatus Survivor(string id, int? pid) => new() { Id = id, Pid = pid, State = RunState.Unknown };

    private static InstanceStatus Gateway(int number, RunState state = RunState.Ready) => new() { Id = $"gateway/{number}", State = state };

    private static ServiceStatus Web(params RunState[] states) => new()
    {
        Name = "web",
        Desired = 3,
        Ready = states.Count(state => state == RunState.Ready),
        Instances = [.. states.Select((state, index) => new InstanceStatus { Id = $"web/{index + 1}", State = state, Pid = 7 })],
    };

    private static string Of(ClusterStatus status, ClusterState expected, bool? hasQuorum = null)
    {
        var complete = StatusSummary.Of(status, hasQuorum);
        Assert.Equal(expected, complete.State);
        return complete.Summary;
    }

    [Fact]
    public void A_healthy_cluster_says_counts_leader_and_term() =>
        Assert.Equal("Healthy: web 3/3, nodes 3/3, leader node-2, term 4", Of(Healthy, ClusterState.Healthy));

    [Fact]
    public void A_changed_count_names_that_of_the_file() =>
        Assert.Equal(
            "Healthy: web 3/3 (file: 2), nodes 3/3, leader node-2, term 4",
            Of(Healthy with { Services = [Web(RunState.Ready, RunState.Ready, RunState.Ready) with { File = 2 }] }, ClusterState.Healthy));

    [Fact]
    public void What_is_missing_is_named_with_its_state() =>
        Assert.Equal(
            "Degraded: web 1/3 (web/2 crash loop, web/3 starting), nodes 2/3 (node-1 unknown), gateways 1/2 (gateway/2 not ready), leader node-2, term 4",
            Of(
                Healthy with
                {
                    Nodes = [Node(1, RunState.Unknown), Node(2), Node(3)],
                    Services = [Web(RunState.Ready, RunState.CrashLoop, RunState.Starting)],
                    Gateways = [Gateway(1), Gateway(2, RunState.Unready)],
                },
                ClusterState.Degraded));

    [Fact]
    public void One_node_is_called_not_fault_tolerant() =>
        Assert.Equal(
            "Healthy: web 3/3, nodes 1/1 (not fault-tolerant), leader node-2, term 4",
            Of(Healthy with { Nodes = [Node(2)] }, ClusterState.Healthy));

    [Fact]
    public void Without_a_leader_it_is_electing() =>
        Assert.Equal("Electing: web 3/3, nodes 3/3, no leader yet", Of(Healthy with { Leader = null }, ClusterState.Electing));

    [Fact]
    public void A_minority_has_no_quorum_even_if_somebody_remembers_a_leader() =>
        Assert.Equal(
            "No quorum: web 3/3, nodes 1/3 (node-2 stopped, node-3 stopped), nothing is changed until a majority is back",
            Of(Healthy with { Nodes = [Node(1), Node(2, RunState.Stopped), Node(3, RunState.Stopped)] }, ClusterState.NoQuorum));

    [Fact]
    public void An_external_store_decides_about_the_quorum() =>
        Assert.StartsWith("No quorum: ", Of(Healthy, ClusterState.NoQuorum, hasQuorum: false), StringComparison.Ordinal);

    [Fact]
    public void Without_nodes_it_is_down_and_what_still_runs_is_counted() =>
        Assert.Equal(
            "Down: no node runs; web 2/3, gateways 1/2 still running, run 'conclave up' to restore",
            Of(
                Healthy with
                {
                    Nodes = [Down(1), Down(2), Down(3)],
                    Services = [Web(RunState.Unknown, RunState.Unknown, RunState.Unknown) with { Instances = [Survivor("web/1", 71), Survivor("web/2", null), Survivor("web/3", 73)] }],
                    Gateways = [Survivor("gateway/1", 81), Survivor("gateway/2", null)],
                },
                ClusterState.Stopped));

    [Fact]
    public void Nodes_that_all_hang_are_said_to_and_must_be_ended_first() =>
        Assert.Equal(
            "Down: no node answers; gateways 1/1 still running, end what hangs ('conclave kill node-2'), then run 'conclave up' to restore",
            Of(Healthy with { Nodes = [Down(1), Node(2, RunState.Unready)], Services = [], Gateways = [Survivor("gateway/1", 81)] }, ClusterState.Stopped));

    [Fact]
    public void When_nothing_runs_there_is_nothing_to_count() =>
        Assert.Equal("Stopped: no node runs", Of(Healthy with { Nodes = [Down(1)], Services = [], Gateways = [] }, ClusterState.Stopped));

    [Fact]
    public void The_json_has_the_words_that_scripts_rely_on()
    {
        var status = StatusSummary.Of(Healthy with { Nodes = [Node(1)], Services = [Web(RunState.CrashLoop)], Gateways = [] });

        Assert.Equal(
            """{"v":1,"name":"shop","state":"degraded","summary":"Degraded: web 0/3 (web/1 crash loop), nodes 1/1 (not fault-tolerant), leader node-2, term 4","leader":{"node":"node-2","term":4,"token":17},"nodes":[{"name":"node-1","pid":101,"state":"ready","restarts":0}],"services":[{"name":"web","desired":3,"ready":0,"instances":[{"id":"web/1","pid":7,"state":"crash-loop","restarts":0}]}],"gateways":[],"urls":[]}""",
            JsonSerializer.Serialize(status, ModelJson.Default.ClusterStatus));
        Assert.Contains("\"leader\":null,", JsonSerializer.Serialize(status with { Leader = null }, ModelJson.Default.ClusterStatus), StringComparison.Ordinal);
        Assert.Equal("\"no-quorum\"", JsonSerializer.Serialize(ClusterState.NoQuorum, ModelJson.Default.ClusterState));
    }
}

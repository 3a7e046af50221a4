using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Leader;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Tests.Cluster;

namespace Conclave.Orchestration.Tests.Leader;

public sealed class ReconcilerTests
{
    private static readonly ReconcilerOptions Options = new();

    [Fact]
    public void A_new_service_is_spread_over_the_nodes()
    {
        var assigned = Plan(Views.Cluster(3).WithService(replicas: 6)).OfType<LeaderAction.Assign>().ToList();
        Assert.Equal(6, assigned.Count);
        Assert.All(assigned.GroupBy(a => a.Assignment.Node), node => Assert.Equal(2, node.Count()));
    }

    [Fact]
    public void What_was_planned_and_done_is_not_planned_again()
    {
        var view = Views.Cluster(3).WithService(replicas: 4);
        foreach (var assign in Plan(view).OfType<LeaderAction.Assign>())
            view = view with { Assignments = view.Assignments.SetItem(assign.Id, assign.Assignment) };
        Assert.Empty(Plan(view));
    }

    [Fact]
    public void Scaling_down_removes_the_highest_numbers()
    {
        var view = Views.Cluster(3).WithService(replicas: 1)
            .WithInstance(1, "node-1", RunState.Ready).WithInstance(2, "node-2", RunState.Ready).WithInstance(3, "node-3", RunState.Ready);
        Assert.Equal(["web/2", "web/3"], Plan(view).OfType<LeaderAction.Unassign>().Select(u => u.Id.ToString()));
    }

    [Fact]
    public void A_failed_node_is_ordered_anew_on_a_live_one_and_keeps_its_instances()
    {
        var view = Views.Cluster(3).WithService(replicas: 1).WithInstance(1, "node-2", RunState.Ready);
        var action = Assert.Single(Plan(view, ("node-2", NodeCondition.Failed)));
        var order = Assert.IsType<LeaderAction.Order>(action).NodeOrder;
        Assert.Equal(("node-2", "node-1", Views.Process(1_002)), (order.Node, order.Executor, order.Incarnation!.Value));
    }

    [Fact]
    public void An_order_is_not_written_twice_and_is_cleared_when_the_node_answers()
    {
        var view = Views.Cluster(3);
        var order = Assert.IsType<LeaderAction.Order>(Assert.Single(Plan(view, ("node-2", NodeCondition.Failed)))).NodeOrder;
        view = view with { Orders = view.Orders.SetItem("node-2", order with { Why = "noticed in another way" }) };
        Assert.Empty(Plan(view, ("node-2", NodeCondition.Failed)));
        Assert.Equal("node-2", Assert.IsType<LeaderAction.ClearOrder>(Assert.Single(Plan(view))).Node);
    }

    [Fact]
    public void An_order_stays_with_the_node_that_carries_it_out_while_that_lives()
    {
        var view = Views.Cluster(3);
        view = view with { Orders = view.Orders.SetItem("node-2", new NodeOrder("node-2", "node-3", Views.Process(1_002), "")) };
        Assert.Empty(Plan(view, ("node-2", NodeCondition.Failed)));
        var order = Assert.Single(Plan(view, ("node-2", NodeCondition.Failed), ("node-3", NodeCondition.Unknown)).OfType<LeaderAction.Order>());
        Assert.Equal("node-1", order.NodeOrder.Executor);
    }

    [Fact]
    public void A_node_that_does_not_come_back_loses_its_instances_to_the_living()
    {
        var view = Views.Cluster(3).WithService(replicas: 1).WithInstance(1, "node-2", RunState.Ready);
        var moved = Assert.Single(Plan(view, ("node-2", NodeCondition.Lost)).OfType<LeaderAction.Assign>());
        Assert.NotEqual("node-2", moved.Assignment.Node);
    }

    [Fact]
    public void Nothing_is_placed_on_a_node_that_does_not_answer()
    {
        var assigned = Plan(Views.Cluster(2).WithService(replicas: 4), ("node-1", NodeCondition.Unknown)).OfType<LeaderAction.Assign>();
        Assert.All(assigned, a => Assert.Equal("node-2", a.Assignment.Node));
    }

    [Fact]
    public void A_new_generation_replaces_one_serving_instance_at_a_time()
    {
        var view = Views.Cluster(3).WithService(replicas: 3, generation: 2)
            .WithInstance(1, "node-1", RunState.Ready).WithInstance(2, "node-2", RunState.Ready).WithInstance(3, "node-3", RunState.Ready);
        var first = Assert.Single(Plan(view).OfType<LeaderAction.Assign>());
        Assert.Equal(2, first.Assignment.Generation);

        view = view.WithInstance(1, "node-1", RunState.Starting, generation: 2);
        Assert.Empty(Plan(view)); // the first does not serve yet

        view = view.WithInstance(1, "node-1", RunState.Ready, generation: 2);
        Assert.Equal("web/2", Assert.Single(Plan(view).OfType<LeaderAction.Assign>()).Id.ToString());
    }

    [Fact]
    public void A_broken_new_generation_stops_at_the_first_instance()
    {
        var view = Views.Cluster(3).WithService(replicas: 2, generation: 2)
            .WithInstance(1, "node-1", RunState.CrashLoop, generation: 2).WithInstance(2, "node-2", RunState.Ready);
        Assert.Empty(Plan(view));
    }

    [Fact]
    public void Changed_probes_reach_running_instances_without_a_new_generation()
    {
        var spec = Views.Web with { Ready = null };
        var view = Views.Cluster(1).WithService(replicas: 1, spec: spec).WithInstance(1, "node-1", RunState.Ready);
        var assign = Assert.Single(Plan(view).OfType<LeaderAction.Assign>());
        Assert.Equal((1L, spec), (assign.Assignment.Generation, assign.Assignment.Spec));
    }

    [Fact]
    public void A_stopped_instance_alone_is_taken_away()
    {
        var view = Views.Cluster(1).WithService(replicas: 2).WithInstance(1, "node-1", RunState.Ready).WithInstance(2, "node-1", RunState.Ready);
        view = view with { Services = view.Services.SetItem("web", view.Services["web"] with { StoppedInstances = [1] }) };
        Assert.Equal("web/1", Assert.IsType<LeaderAction.Unassign>(Assert.Single(Plan(view))).Id.ToString());
    }

    private static IReadOnlyList<LeaderAction> Plan(ClusterView view, params (string Node, NodeCondition Condition)[] not)
    {
        var health = view.Settings!.Nodes.ToDictionary(n => n, _ => new NodeHealth(NodeCondition.Alive, ""), StringComparer.Ordinal);
        foreach (var (node, condition) in not)
            health[node] = new NodeHealth(condition, "test");
        return Reconciler.Plan(view, health, Options);
    }
}

using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Gateway;
using Conclave.Orchestration.Model;

namespace Conclave.Orchestration.Tests.Cluster;

public sealed class RoutingTableTests
{
    private readonly RoutingTable _table = new();

    [Fact]
    public void Only_ready_and_draining_instances_are_listed()
    {
        var view = Views.Cluster(1).WithService(4)
            .WithInstance(1, "node-1", RunState.Ready).WithInstance(2, "node-1", RunState.Stopping)
            .WithInstance(3, "node-1", RunState.Starting).WithInstance(4, "node-1", RunState.BackOff);
        Assert.Equal([("web/1", GatewayInstanceState.Ready), ("web/2", GatewayInstanceState.Draining)], Listed(view));
    }

    [Fact]
    public void A_report_that_vanished_with_its_workers_lease_changes_nothing()
    {
        var view = Views.Cluster(1).WithService(1).WithInstance(1, "node-1", RunState.Ready);
        Listed(view);
        Assert.Equal([("web/1", GatewayInstanceState.Ready)], Listed(view with { Instances = view.Instances.Clear() }));
    }

    [Fact]
    public void An_instance_that_the_leader_gave_up_and_nobody_reports_leaves()
    {
        var view = Views.Cluster(1).WithService(1).WithInstance(1, "node-1", RunState.Ready);
        Listed(view);
        Assert.Empty(Listed(view with { Instances = view.Instances.Clear(), Assignments = view.Assignments.Clear() }));
    }

    [Fact]
    public void A_restarted_instance_is_another_incarnation()
    {
        var view = Views.Cluster(1).WithService(1).WithInstance(1, "node-1", RunState.Ready, pid: 500);
        var before = _table.Next(view).Services[0].Instances[0];
        var after = _table.Next(view.WithInstance(1, "node-1", RunState.Ready, pid: 900)).Services[0].Instances[0];
        Assert.NotEqual(before.Incarnation, after.Incarnation);
        Assert.Equal("/readyz", after.ReadyPath);
    }

    private List<(string Id, GatewayInstanceState State)> Listed(ClusterView view) =>
        [.. _table.Next(view).Services.SelectMany(s => s.Instances).Select(i => (i.Id, i.State))];
}

using Conclave.Cli.Cluster;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>Workers and leaders that die or hang. In each case: no request of any kind fails, and no instance and no gateway is another process afterwards.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class NodeRecoveryTests(SharedCluster shared)
{
    [Theory]
    [InlineData("KILL")]
    [InlineData("STOP")]
    public async Task Worker_that_dies_or_hangs_is_replaced_and_its_instances_are_adopted(string signal)
    {
        var cluster = await shared.HealthyAsync();
        var before = await cluster.HealthyAsync();
        var worker = before.Follower();
        var moment = RunningCluster.Now();
        var time = DateTimeOffset.UtcNow;
        await using var load = await cluster.LoadAsync(posts: true);

        await cluster.DoAsync("kill", worker, "--signal", signal);

        var after = await ReplacedAsync(cluster, before, worker);
        var events = cluster.EventsSince(moment);
        Assert.Contains(events, e => e.Kind == EventKind.NodeLost && e.Subject == worker);
        Assert.Equal(
            before.AllInstances().Where(i => i.Node == worker).Select(i => i.Id).Order(StringComparer.Ordinal),
            events.Where(e => e.Kind == EventKind.InstanceAdopted).Select(e => e.Subject).Order(StringComparer.Ordinal));
        Assert.All(after.AllInstances(), i => Assert.True(i.Since < time, $"{i.Id} went on all the while, and is said to be {i.State} since {i.Since:O}"));
        Assert.True(before.Leader == after.Leader, $"{before.Leader} led, then {after.Leader}\n{cluster.Story()}");
        (await load.EndAsync()).RequireNoFailure();
    }

    [Theory]
    [InlineData("KILL")]
    [InlineData("STOP")]
    public async Task Leader_that_dies_or_hangs_is_succeeded_and_replaced(string signal)
    {
        var cluster = await shared.HealthyAsync();
        var before = await cluster.HealthyAsync();
        var moment = RunningCluster.Now();
        await using var load = await cluster.LoadAsync(posts: true);

        var said = await cluster.DoAsync("kill", "leader", "--signal", signal);

        var hit = before.Nodes.Single(n => said.Contains($"to {n.Name} (pid {n.Pid})", StringComparison.Ordinal)).Name;
        var after = await ReplacedAsync(cluster, before, hit);
        // Mostly another node leads; when the votes of the two were split, the new process of the old one may be there in time to win.
        Assert.NotEqual(before.PidOf(hit), after.PidOf(after.Leader!.Node));
        Assert.True(after.Leader.Term > before.Leader!.Term, $"term {before.Leader.Term} then {after.Leader.Term}");
        Assert.True(after.Leader.Token > before.Leader.Token, $"token {before.Leader.Token} then {after.Leader.Token}");
        Assert.Contains(cluster.EventsSince(moment), e => e.Kind == EventKind.LeaderElected && e.Node == after.Leader.Node);
        (await load.EndAsync()).RequireNoFailure();
    }

    [Fact]
    public async Task Leader_that_was_only_paused_steps_down_and_the_store_refuses_its_late_writes()
    {
        var cluster = await shared.HealthyAsync();
        var before = await cluster.HealthyAsync();
        var old = before.Leader!;
        var moment = RunningCluster.Now();
        await using var load = await cluster.LoadAsync(posts: true);

        RunningCluster.Signal(RunningCluster.Stop, before.PidOf(old.Node));
        var elected = await cluster.UntilEventAsync("another node leads", moment, e => e.Kind == EventKind.LeaderElected && e.Node != old.Node);
        RunningCluster.SignalIfAlive(RunningCluster.Continue, before.PidOf(old.Node));

        // Awake again it either learns from its group that the term is over, or a write of its is refused, or the new leader has it replaced first.
        await cluster.UntilEventAsync(
            "the old leader stepped down or was replaced",
            moment,
            e => (e.Kind is EventKind.LeaderLost or EventKind.LeaderFenced && e.Node == old.Node) || (e.Kind == EventKind.NodeReplaced && e.Subject == old.Node));
        await using var handle = ClusterHandle.Open(new ClusterLocation(cluster.DataDirectory));
        var late = new FencedStore(handle.Store, new FencingToken(old.Token));
        await Assert.ThrowsAsync<DeposedException>(() => late.DeleteAsync(handle.Store.Keys.Assignment(new InstanceId("web", 1)), CancellationToken.None));

        var after = await cluster.HealthyAsync();
        Assert.Equal(before.Processes(), after.Processes());
        var tokens = cluster.Events().Where(e => e.Kind == EventKind.LeaderElected).Select(e => (long)e.Data!["token"]!).ToList();
        Assert.Equal(tokens.Distinct().Order(), tokens);
        Assert.Equal(tokens[^1], after.Leader!.Token);
        Assert.True((long)elected.Data!["token"]! > old.Token);
        (await load.EndAsync()).RequireNoFailure();
    }

    [Fact]
    public async Task Leader_whose_own_worker_is_stuck_is_replaced_on_its_own_order()
    {
        var cluster = await shared.HealthyAsync();
        var before = await cluster.HealthyAsync();
        var old = before.Leader!;
        var moment = RunningCluster.Now();
        await using var load = await cluster.LoadAsync(posts: true);

        // The worker writes down what it was told to run; a pipe that nobody reads holds its loop there for ever, and nothing else of the node.
        var pipe = Path.Combine(cluster.DataDirectory, old.Node, "assigned.json.new");
        RunningCluster.MakePipe(pipe);
        try
        {
            await cluster.DoAsync("restart", "web");
            // Said by the leader, unless the sibling that carries its order out is quicker; without a leader's order the reason would be another.
            await cluster.UntilEventAsync(
                "the leader gives its own node up", moment, e => e.Kind == EventKind.NodeLost && e.Subject == old.Node && e.Why.Contains("has not answered for", StringComparison.Ordinal));
        }
        finally
        {
            File.Delete(pipe); // its successor shall be able to write
        }

        var after = await cluster.UntilAsync(
            "its node is another process and every sample was restarted",
            s => s.State == ClusterState.Healthy && s.Node(old.Node).Pid != before.Node(old.Node).Pid
                && s.Service("web").Instances.All(i => i.State == RunState.Ready && i.Pid != before.Instance(i.Id).Pid));
        Assert.True(after.Leader!.Token > old.Token, $"token {old.Token}, then {after.Leader.Token}");
        Assert.Contains(cluster.EventsSince(moment), e => e.Kind == EventKind.NodeReplaced && e.Subject == old.Node && e.Node != old.Node);
        Assert.Equal(before.Gateways.Select(g => g.Pid), after.Gateways.Select(g => g.Pid));
        (await load.EndAsync()).RequireNoFailure();
    }

    [Fact]
    public async Task Third_node_restores_the_other_two_without_a_quorum()
    {
        var cluster = await shared.HealthyAsync();
        var before = await cluster.HealthyAsync();
        var survivor = before.Follower();
        var killed = before.Nodes.Where(n => n.Name != survivor).ToList();
        var moment = RunningCluster.Now();
        await using var load = await cluster.LoadAsync(posts: true);

        RunningCluster.Signal(RunningCluster.Kill, killed.Select(n => n.Pid!.Value));

        var after = await cluster.UntilAsync(
            "the two are other processes and the cluster is healthy", s => s.State == ClusterState.Healthy && killed.All(n => s.PidOf(n.Name) != n.Pid));
        Assert.Equal(before.PidOf(survivor), after.PidOf(survivor));
        Assert.Equal(before.Processes(), after.Processes());
        foreach (var node in killed)
            Assert.Contains(cluster.EventsSince(moment), e => e.Kind == EventKind.NodeReplaced && e.Subject == node.Name && e.Node == survivor);
        (await load.EndAsync()).RequireNoFailure();
    }

    [Fact]
    public async Task All_nodes_die_and_up_goes_on_from_the_disk_with_everything_that_still_runs()
    {
        var cluster = await shared.HealthyAsync();
        await cluster.DoAsync("scale", "web=4");
        var before = await cluster.UntilAsync("four samples serve", s => s.Service("web") is { Ready: 4, Desired: 4 } && s.State == ClusterState.Healthy);
        await using var load = await cluster.LoadAsync(posts: true);

        RunningCluster.Signal(RunningCluster.Kill, before.Nodes.Select(n => n.Pid!.Value));
        await cluster.UntilAsync("no node runs", s => s.State == ClusterState.Stopped);
        var down = await cluster.RunAsync("status");
        Assert.Equal(3, down.Code);
        Assert.StartsWith("Down: no node runs; files 1/1, web 4/4, gateways 2/2 still running, run 'conclave up' to restore\n", down.Out, StringComparison.Ordinal);

        // Counted from processes, not from what was written down: one that ends now is missing at the next look, and shown as itself.
        Assert.Equal(before.Processes(), (await cluster.StatusAsync()).Processes());
        RunningCluster.Signal(RunningCluster.Kill, before.Instance("files/1").Pid!.Value);
        await cluster.UntilAsync("files/1 is missed", s => s.Summary.StartsWith("Down: no node runs; files 0/1, web 4/4, gateways 2/2 still", StringComparison.Ordinal));
        await load.MoreAsync(50);
        var after = await cluster.UpAsync();

        Assert.Equal(before.Processes().Remove("files/1"), after.Processes().Remove("files/1"));
        Assert.Equal((4, 3), (after.Service("web").Desired, after.Service("web").File));
        Assert.Contains("web 4/4 (file: 3)", after.Summary, StringComparison.Ordinal);
        Assert.True(after.Leader!.Token > before.Leader!.Token);
        (await load.EndAsync()).RequireNoFailure();

        await cluster.DoAsync("scale", "web=3");
        await cluster.UntilAsync("three samples are left", s => s.Service("web").Instances.Length == 3 && s.State == ClusterState.Healthy);
    }

    private static async Task<ClusterStatus> ReplacedAsync(RunningCluster cluster, ClusterStatus before, string node)
    {
        var after = await cluster.UntilAsync(
            $"{node} is another process and the cluster is healthy", s => s.State == ClusterState.Healthy && s.Node(node).Pid is { } pid && pid != before.PidOf(node));
        Assert.Equal(before.Processes(), after.Processes());
        return after;
    }
}

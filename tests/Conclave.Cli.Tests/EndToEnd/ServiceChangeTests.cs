using System.Text.Json;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>What people change while requests keep coming.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class ServiceChangeTests(SharedCluster shared)
{
    [Fact]
    public async Task Scaling_up_and_down_costs_no_get_and_to_nothing_and_back_works()
    {
        var cluster = await shared.HealthyAsync();
        await using (var load = await cluster.LoadAsync())
        {
            Assert.Contains("web: 3 → 5", await cluster.DoAsync("scale", "web=5"), StringComparison.Ordinal);
            var scaled = await cluster.UntilAsync("five samples serve", s => s.State == ClusterState.Healthy && s.Service("web").Ready == 5);
            Assert.Contains("web 5/5 (file: 3)", scaled.Summary, StringComparison.Ordinal);
            await load.MoreAsync(50);
            await cluster.DoAsync("scale", "web=2");
            await cluster.UntilAsync("two samples are left", s => s.State == ClusterState.Healthy && s.Service("web").Instances.Length == 2);
            var report = await load.EndAsync();
            report.RequireNoFailure();
            Assert.Superset(new HashSet<string>(["web/1", "web/2", "web/3", "web/4", "web/5"]), report.Instances.ToHashSet());
        }

        await cluster.DoAsync("scale", "web=0");
        var none = await cluster.UntilAsync("no sample is left", s => s.Service("web").Instances.Length == 0 && s.State == ClusterState.Healthy);
        Assert.Equal((0, 3), (none.Service("web").Desired, none.Service("web").File));
        await cluster.DoAsync("scale", "web=3");
        var back = await cluster.UntilAsync("three samples serve", s => s.State == ClusterState.Healthy && s.Service("web").Ready == 3);
        Assert.Null(back.Service("web").File);
        await using var again = await cluster.LoadAsync();
        (await again.EndAsync()).RequireNoFailure();
    }

    [Fact]
    public async Task What_a_node_sets_for_its_own_runtime_does_not_reach_what_it_starts()
    {
        var cluster = await shared.HealthyAsync();
        var now = await cluster.HealthyAsync();
        Assert.All(now.Nodes, node => Assert.Contains("DOTNET_TC_CallCountingDelayMs=1388", RunningCluster.EnvironmentOf(node.Pid!.Value)));
        Assert.All(
            now.Service("web").Instances.Concat(now.Gateways),
            child => Assert.DoesNotContain(RunningCluster.EnvironmentOf(child.Pid!.Value), line => line.Contains("COUNTING", StringComparison.OrdinalIgnoreCase) || line.Contains("CallCounting", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Restart_replaces_one_instance_after_the_other_and_no_get_fails()
    {
        var cluster = await shared.HealthyAsync();
        var before = (await cluster.HealthyAsync()).Service("web").Instances.ToDictionary(i => i.Id, i => i.Pid);
        await using var load = await cluster.LoadAsync();
        var fewest = int.MaxValue;

        await cluster.DoAsync("restart", "web");
        await cluster.UntilAsync("every sample is another process", s =>
        {
            fewest = Math.Min(fewest, s.Service("web").Ready);
            return s.State == ClusterState.Healthy && s.Service("web").Instances.All(i => i.Pid != before[i.Id]);
        });

        Assert.True(fewest >= 2, $"only {fewest} of 3 were ready at a time");
        (await load.EndAsync()).RequireNoFailure();
    }

    [Fact]
    public async Task What_is_stopped_stays_so_until_it_is_started()
    {
        var cluster = await shared.HealthyAsync();
        await using (var load = await cluster.LoadAsync())
        {
            await cluster.DoAsync("stop", "web/2");
            var without = await cluster.UntilAsync("web/2 is stopped", s => s.State == ClusterState.Healthy && s.Instance("web/2") is { State: RunState.Stopped, Pid: null });
            Assert.Equal(2, without.Service("web").Desired);
            await cluster.DoAsync("start", "web/2");
            await cluster.UntilAsync("web/2 serves", s => s.State == ClusterState.Healthy && s.Service("web").Ready == 3);
            (await load.EndAsync()).RequireNoFailure();
        }

        await cluster.DoAsync("stop", "web");
        await cluster.UntilAsync("web is stopped", s => s.Service("web") is { Desired: 0, Ready: 0 } w && w.Instances.All(i => i.Pid is null));
        await cluster.DoAsync("start", "web");
        await cluster.UntilAsync("web serves", s => s.State == ClusterState.Healthy && s.Service("web").Ready == 3);
    }

    [Fact]
    public async Task Scale_lasts_while_the_file_is_unchanged_and_a_changed_file_wins()
    {
        var cluster = await shared.HealthyAsync();
        await cluster.DoAsync("scale", "web=4");
        var before = await cluster.UntilAsync("four samples serve", s => s.State == ClusterState.Healthy && s.Service("web").Ready == 4);

        var again = await cluster.UpAsync();
        Assert.Equal(before.Processes(), again.Processes());
        Assert.Equal(before.Nodes.Select(n => n.Pid), again.Nodes.Select(n => n.Pid));
        var json = JsonDocument.Parse(await cluster.DoAsync("status", "--json")).RootElement;
        var web = json.GetProperty("services").EnumerateArray().Single(s => s.GetProperty("name").GetString() == "web");
        Assert.Equal((1, "healthy", 4, 3), (
            json.GetProperty("v").GetInt32(), json.GetProperty("state").GetString(), web.GetProperty("desired").GetInt32(), web.GetProperty("file").GetInt32()));

        await using var load = await cluster.LoadAsync();
        cluster.WriteFile(RunningCluster.WebOf(replicas: 2) + RunningCluster.Files);
        await cluster.DoAsync("up", "-d");
        var changed = await cluster.UntilAsync("two samples are left", s => s.State == ClusterState.Healthy && s.Service("web") is { Desired: 2, Instances.Length: 2 });
        Assert.Null(changed.Service("web").File);
        cluster.WriteFile(RunningCluster.Web + RunningCluster.Files);
        await cluster.DoAsync("up", "-d");
        await cluster.UntilAsync("three samples serve", s => s.State == ClusterState.Healthy && s.Service("web") is { Desired: 3, Ready: 3 });
        (await load.EndAsync()).RequireNoFailure();
    }

    [Fact]
    public async Task File_that_cannot_be_started_or_is_another_cluster_leaves_the_running_one_as_it_is()
    {
        var cluster = await shared.HealthyAsync();
        var before = await cluster.HealthyAsync();
        await using var load = await cluster.LoadAsync();
        try
        {
            cluster.WriteFile(RunningCluster.Web + RunningCluster.Files.Replace("python3", "pyhton3", StringComparison.Ordinal));
            var mistyped = await cluster.RunAsync("up", "-d");
            Assert.Equal(2, mistyped.Code);
            Assert.Contains("pyhton3", Assert.Single(mistyped.Complaints), StringComparison.Ordinal);

            cluster.WriteFile(RunningCluster.Web + RunningCluster.Files.Replace("http.server", "no.such.module", StringComparison.Ordinal));
            var broken = await cluster.RunAsync("up", "-d");
            Assert.Equal(1, broken.Code);
            Assert.Contains("files/1", Assert.Single(broken.Complaints), StringComparison.Ordinal);
            Assert.Equal(before.Service("web").Instances.Select(i => i.Pid), (await cluster.StatusAsync()).Service("web").Instances.Select(i => i.Pid));

            cluster.WriteFile(RunningCluster.Web + RunningCluster.Files, name: "other");
            var other = await cluster.RunAsync("up", "-d");
            Assert.Equal(1, other.Code);
            Assert.Contains("has the cluster 'e2e'", Assert.Single(other.Complaints), StringComparison.Ordinal);
        }
        finally
        {
            cluster.WriteFile(RunningCluster.Web + RunningCluster.Files);
        }

        await cluster.DoAsync("up", "-d");
        var after = await cluster.HealthyAsync();
        Assert.Equal(before.Service("web").Instances.Select(i => i.Pid), after.Service("web").Instances.Select(i => i.Pid));
        Assert.Equal(before.Gateways.Select(g => g.Pid), after.Gateways.Select(g => g.Pid));
        Assert.Equal(before.Nodes.Select(n => n.Pid), after.Nodes.Select(n => n.Pid));
        (await load.EndAsync()).RequireNoFailure();
    }

    [Fact]
    public async Task Command_about_something_that_is_not_there_says_so_and_changes_nothing()
    {
        var cluster = await shared.HealthyAsync();
        var before = await cluster.HealthyAsync();

        foreach (var (code, says, arguments) in new (int, string, string[])[]
        {
            (1, "there is no web/9", ["kill", "web/9"]),
            (1, "there is no wbe", ["kill", "wbe"]),
            (2, "-1", ["scale", "web=-1"]),
            (1, "there is no service wbe", ["scale", "wbe=2"]),
            (1, "there is no web/9", ["stop", "web/9"]),
            (2, "KLIL", ["kill", "web/1", "--signal", "KLIL"]),
        })
        {
            var ended = await cluster.RunAsync(arguments);
            Assert.True(ended.Code == code && ended.Complaints.Count == 1 && ended.Complaints[0].Contains(says, StringComparison.Ordinal), $"{string.Join(' ', arguments)}: {ended}");
        }

        var after = await cluster.HealthyAsync();
        Assert.Equal(before.Processes(), after.Processes());
    }
}

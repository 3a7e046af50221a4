using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests.EndToEnd;

[Collection(EndToEndCollection.Name)]
public sealed class InstanceRecoveryTests(SharedCluster shared)
{
    [Fact]
    public async Task Killed_instance_is_started_again_and_no_get_fails()
    {
        var cluster = await shared.HealthyAsync();
        var before = (await cluster.HealthyAsync()).Instance("web/2");
        await using var load = await cluster.LoadAsync();
        var moment = RunningCluster.Now();

        var said = await cluster.DoAsync("kill", "web/2");

        Assert.Contains($"sent SIGKILL to web/2 (pid {before.Pid})", said, StringComparison.Ordinal);
        var after = await cluster.UntilAsync(
            "web/2 is ready as another process", s => s.Instance("web/2") is { State: RunState.Ready } i && i.Pid != before.Pid && s.State == ClusterState.Healthy);
        Assert.Equal(before.Port, after.Instance("web/2").Port);
        Assert.Equal(before.Restarts + 1, after.Instance("web/2").Restarts);

        // That it is ending is told before where the kernel can and the worker is in time.
        var kinds = cluster.EventsSince(moment).Where(e => e.Subject == "web/2" && e.Kind.StartsWith("instance-", StringComparison.Ordinal)).Select(e => e.Kind).ToList();
        Assert.Equal([EventKind.InstanceExited, EventKind.InstanceStarted, EventKind.InstanceReady], kinds.Where(kind => kind != EventKind.InstanceEnding));
        Assert.True(kinds.IndexOf(EventKind.InstanceEnding) <= 0, string.Join(", ", kinds));
        (await load.EndAsync()).RequireNoFailure();
    }

    [Fact]
    public async Task Hung_instance_is_found_by_its_live_probe_killed_and_started_again_and_no_get_fails()
    {
        var cluster = await shared.HealthyAsync();
        var before = (await cluster.HealthyAsync()).Instance("web/1");
        await using var load = await cluster.LoadAsync();
        var moment = RunningCluster.Now();

        await cluster.DoAsync("kill", "web/1", "--signal", "STOP");

        await cluster.UntilAsync(
            "web/1 is ready as another process", s => s.Instance("web/1") is { State: RunState.Ready } i && i.Pid != before.Pid && s.State == ClusterState.Healthy);
        Assert.Contains(cluster.EventsSince(moment), e => e is { Kind: EventKind.InstanceHung, Subject: "web/1" });
        (await load.EndAsync()).RequireNoFailure();
    }

    [Fact]
    public async Task Instance_that_is_no_program_of_ours_is_looked_after_like_any_other()
    {
        var cluster = await shared.HealthyAsync();
        var before = (await cluster.HealthyAsync()).Instance("files/1");

        await cluster.DoAsync("kill", "files", "--signal", "TERM");

        var after = await cluster.UntilAsync("files/1 is ready as another process", s => s.Instance("files/1") is { State: RunState.Ready } i && i.Pid != before.Pid);
        using var http = new HttpClient();
        Assert.Contains("Directory listing", await http.GetStringAsync(new Uri($"http://127.0.0.1:{after.Instance("files/1").Port}/")), StringComparison.Ordinal);
    }
}

using System.Diagnostics;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>A gateway that dies or hangs takes with it only what was in flight inside it. Every request here has a connection of its own.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class GatewayRecoveryTests(SharedCluster shared)
{
    private const int Clients = 4; // of the load, so at most that many requests are in flight
    private static readonly TimeSpan UntilItIsStopped = TimeSpan.FromMilliseconds(50);

    [Theory]
    [InlineData(RunningCluster.Kill)]
    [InlineData(RunningCluster.Stop)]
    public async Task New_connections_succeed_while_a_gateway_is_dead_or_hangs(int signal)
    {
        var cluster = await shared.HealthyAsync();
        var before = await cluster.HealthyAsync();
        var gateway = before.Instance("gateway/1");
        await using var load = await cluster.LoadAsync(freshConnections: true);

        RunningCluster.Signal(signal, gateway.Pid!.Value);
        var moment = Stopwatch.GetTimestamp() + (long)(UntilItIsStopped.TotalSeconds * Stopwatch.Frequency); // the kernel stops thread by thread
        await cluster.UntilAsync(
            "gateway/1 is ready as another process", s => s.Instance("gateway/1") is { State: RunState.Ready } g && g.Pid != gateway.Pid && s.State == ClusterState.Healthy);

        var report = await load.EndAsync();
        report.Require(!report.BegunAfter(moment).Any() && report.Failed.Count <= Clients);
        var after = await cluster.HealthyAsync();
        Assert.Equal(before.Services.SelectMany(s => s.Instances).Select(i => i.Pid), after.Services.SelectMany(s => s.Instances).Select(i => i.Pid));
    }
}

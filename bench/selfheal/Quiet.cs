using System.Text.Json;
using Conclave.Bench.SelfHeal.Host;
using Conclave.Bench.SelfHeal.Report;
using Conclave.Bench.SelfHeal.Subjects;

namespace Conclave.Bench.SelfHeal;

/// <summary>What is measured without a fault and without load: idle cost and time to start.</summary>
internal static class Quiet
{
    public static async Task<Series> IdleAsync(Place place, int seconds)
    {
        var total = new Metric("nodes_cpu", $"three nodes together, processor over {seconds} s", "% of a core").AtMost(3, Binds.Every);
        var resident = new Metric("node_rss", "each node, resident", "MB").AtMost(120, Binds.Every);
        var each = new Metric("node_cpu", "each node, processor", "% of a core");
        var gatewayCpu = new Metric("gateway_cpu", "each gateway, processor", "% of a core");
        var gatewayResident = new Metric("gateway_rss", "each gateway, resident", "MB");
        var warming = new Metric("nodes_cpu_warming", $"three nodes together in the {seconds} s before, while the runtime still compiles what they do often", "% of a core");
        var series = new Series("Idle", [total, warming, each, resident, gatewayCpu, gatewayResident]);

        await using var cluster = await ConclaveCluster.StartAsync(place);
        await Task.Delay(TimeSpan.FromSeconds(15)); // what starting costs is not idling
        using var status = JsonDocument.Parse(await cluster.StatusAsync());
        var nodes = Pids(status.RootElement.GetProperty("nodes"));
        var gateways = Pids(status.RootElement.GetProperty("gateways"));
        var (began, before) = (Clock.Ns, Times());
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        var (tookMs, after) = (Clock.MsSince(began), Times());
        series.Add(warming, nodes.Sum(Share));

        (began, before) = (Clock.Ns, after);
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        (tookMs, after) = (Clock.MsSince(began), Times());
        foreach (var node in nodes)
        {
            series.Add(each, Share(node));
            series.Add(resident, Kernel.ResidentMb(node));
        }

        series.Add(total, nodes.Sum(Share));
        foreach (var gateway in gateways)
        {
            series.Add(gatewayCpu, Share(gateway));
            series.Add(gatewayResident, Kernel.ResidentMb(gateway));
        }

        return series;

        Dictionary<int, TimeSpan> Times() => nodes.Concat(gateways).ToDictionary(p => p, Kernel.ProcessorTime);

        double Share(int pid) => 100 * (after[pid] - before[pid]).TotalMilliseconds / tookMs;
    }

    public static async Task<Series> StartupAsync(Place place, int times)
    {
        var up = new Metric("up_ms", "conclave up -d on a built tree, until it returns serving", "ms").AtMost(5_000);
        var series = new Series("Start", [up]);
        for (var i = 0; i < times; i++)
        {
            await using var cluster = await ConclaveCluster.StartAsync(place, throughScript: true);
            series.Add(up, cluster.StartTook.TotalMilliseconds);
        }

        return series;
    }

    private static List<int> Pids(JsonElement processes) => [.. processes.EnumerateArray().Select(p => p.GetProperty("pid").GetInt32())];
}

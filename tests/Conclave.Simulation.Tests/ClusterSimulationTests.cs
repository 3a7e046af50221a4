using Conclave.Consensus.Raft;
using Xunit.Abstractions;

namespace Conclave.Simulation.Tests;

/// <summary>Whole clusters of real replicas, from seeds. CONCLAVE_SEEDS=n runs n of them, CONCLAVE_SEED=x replays one.</summary>
[Collection(Seeds.Collection)]
public sealed class ClusterSimulationTests(ITestOutputHelper output)
{
    [Fact]
    public void Every_promise_holds_in_every_weather()
    {
        var results = Seeds.Run(Seeds.Chosen(), new SimulationOptions());
        foreach (var result in results)
            output.WriteLine($"{result.Seed} {result.Weather}: {result.Violation?.Message ?? "held"} {result.Counts}");
        foreach (var result in results)
        {
            var counts = result.Counts;
            Assert.True(result.Violation is null, Seeds.Report(result, result.Violation?.Message ?? ""));
            Assert.True(counts.Elections >= 3, Seeds.Report(result, "fewer than 3 elections"));
            Assert.True(counts.Partitions >= 1, Seeds.Report(result, "no partition"));
            Assert.True(counts.TornWrites >= 1, Seeds.Report(result, "no torn write"));
            Assert.True(counts.Operations >= 1_000, Seeds.Report(result, "fewer than 1,000 operations"));
            Assert.True(counts.AcknowledgedWrites >= 100, Seeds.Report(result, "fewer than 100 acknowledged writes"));
            Assert.True(counts.LeasePromises >= 10, Seeds.Report(result, "leases were hardly used"));
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        foreach (var seed in new[] { 3, 11 })
        {
            var options = new SimulationOptions { Operations = 300 };
            var first = ClusterSimulation.Run(seed, options);
            var second = ClusterSimulation.Run(seed, options);
            Assert.Equal(first.TraceHash, second.TraceHash);
            Assert.Equal(first.Counts, second.Counts);
            Assert.NotEqual(first.TraceHash, ClusterSimulation.Run(seed + 1, options).TraceHash);
        }
    }
}

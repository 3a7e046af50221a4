using System.Globalization;

namespace Conclave.Simulation.Tests;

/// <summary>Which seeds to run, and how a failure is told.</summary>
internal static class Seeds
{
    /// <summary>Tests of one collection do not run at the same time, so that there are no more workers than these.</summary>
    public const string Collection = "simulated clusters";

    private const int Workers = 2;

    /// <summary>Seeds that once showed a mistake, and what it was. They run before all others.</summary>
    public static IReadOnlyList<(int Seed, string Was)> OnceFailed { get; } =
    [
        (16, "a stale answer to a chunk of a snapshot had the whole window sent again, each of whose chunks brought another: two members busy with nothing else"),
        (37, "the same"),
        (125, "the storm waited for a torn write in vain: records that fit into one sector, and the power went before or after them"),
    ];

    /// <summary>CONCLAVE_SEED=x: that one. CONCLAVE_SEEDS=n: the first n. Otherwise 100.</summary>
    public static IReadOnlyList<int> Chosen()
    {
        if (Number("CONCLAVE_SEED") is { } one)
            return [one];
        return [.. OnceFailed.Select(f => f.Seed).Concat(Enumerable.Range(1, Number("CONCLAVE_SEEDS") ?? 100)).Distinct()];
    }

    /// <summary>Runs seeds on two workers at most; results in the order of the seeds.</summary>
    public static SimulationResult[] Run(IReadOnlyList<int> seeds, SimulationOptions options)
    {
        var results = new SimulationResult[seeds.Count];
        Parallel.For(0, seeds.Count, new ParallelOptions { MaxDegreeOfParallelism = Workers }, i => results[i] = ClusterSimulation.Run(seeds[i], options));
        return results;
    }

    /// <summary>The line that replays it first, then what broke, then how it came to that.</summary>
    public static string Report(SimulationResult result, string broken)
    {
        const int tail = 200;
        var lines = result.Trace.Skip(Math.Max(0, result.Trace.Count - (Number("CONCLAVE_TRACE") ?? tail)));
        return $"""
            CONCLAVE_SEED={result.Seed.ToString(CultureInfo.InvariantCulture)} dotnet test tests/Conclave.Simulation.Tests --filter Every_promise_holds
            {broken}
            weather: {result.Weather}; {result.Counts}
            {string.Join('\n', lines)}
            """;
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}

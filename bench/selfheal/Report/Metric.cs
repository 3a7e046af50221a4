namespace Conclave.Bench.SelfHeal.Report;

/// <summary>What a target binds.</summary>
internal enum Binds
{
    Nothing,

    /// <summary>The median over all kills.</summary>
    Median,

    /// <summary>Every single kill.</summary>
    Every,
}

/// <summary>One line of a table.</summary>
/// <param name="Key">In JSON and in the code that measures.</param>
/// <param name="Title">In Markdown.</param>
/// <param name="Unit">Such as <c>ms</c>; empty for counts.</param>
/// <param name="Binds">Of the target.</param>
/// <param name="Limit">The target: at most this.</param>
internal sealed record Metric(string Key, string Title, string Unit, Binds Binds = Binds.Nothing, double Limit = double.NaN)
{
    public Metric AtMost(double limit, Binds binds = Binds.Median) => this with { Binds = binds, Limit = limit };

    public Metric Never() => AtMost(0, Binds.Every);
}

internal static class Metrics
{
    public static readonly Metric InFlight = new("in_flight", "in flight at the kill", "");
    public static readonly Metric Told = new("told_ms", "the kernel tells a bare watcher of the end", "ms");
    public static readonly Metric Noticed = new("noticed_ms", "noticed", "ms");
    public static readonly Metric NoticedOver = new("noticed_over_ms", "its end noticed, beyond what the kernel takes to tell", "ms");
    public static readonly Metric OutOfRotation = new("out_of_rotation_ms", "out of every gateway's rotation", "ms");
    public static readonly Metric NewLeader = new("new_leader_ms", "a new leader acts", "ms");
    public static readonly Metric Restarted = new("restarted_ms", "restarted", "ms");
    public static readonly Metric Ready = new("ready_ms", "ready (noted by its supervisor)", "ms");
    public static readonly Metric InRotation = new("in_rotation_ms", "in the first gateway's rotation again", "ms");
    public static readonly Metric Serving = new("serving_ms", "serving again (first good answer by it)", "ms");
    public static readonly Metric OwnStart = new("own_start_ms", "the sample's own start, nobody in between, just before", "ms");
    public static readonly Metric ServingOver = new("serving_over_ms", "serving again, beyond its own start", "ms");
    public static readonly Metric FailedGets = new("failed_gets", "failed GETs whose response had not begun", "");
    public static readonly Metric FailedPosts = new("failed_posts", "failed POSTs", "");
    public static readonly Metric Failed = new("failed", "failed requests of any kind", "");
    public static readonly Metric FailedFresh = new("failed_fresh", "failed on a new connection, opened 20 ms after or later", "");
    public static readonly Metric FailedLater = new("failed_later", "failed, sent after the kernel had told of its end", "");
    public static readonly Metric SlowestFresh = new("slowest_fresh_ms", "slowest GET / on a new connection", "ms");
    public static readonly Metric Truncated = new("truncated", "broken off after the response had begun", "");
    public static readonly Metric Restarts = new("instance_restarts", "instances restarted (they should be adopted)", "");
    public static readonly Metric Gap = new("gap_ms", "longest gap between good answers", "ms");
    public static readonly Metric Slowest = new("slowest_ms", "slowest good answer (200 ms are the sample's own)", "ms");
    public static readonly Metric Attempts = new("attempts", "starts until it was mended, 4 s after the first failure", "");
    public static readonly Metric BackOff = new("back_off_ms", "back-off in force when it was mended", "ms");
    public static readonly Metric Back = new("back_ms", "ready after it was mended", "ms");
    public static readonly Metric BackOver = new("back_over_ms", "that, beyond back-off and own start-up time", "ms");
}

/// <summary>What one table is made of: the values of each metric, one per kill.</summary>
internal sealed class Series(string title, IReadOnlyList<Metric> metrics)
{
    private readonly Dictionary<string, List<double>> _values = metrics.ToDictionary(m => m.Key, _ => new List<double>(), StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> _failures = new(StringComparer.Ordinal);

    public string Title { get; } = title;

    public IReadOnlyList<Metric> Metrics { get; } = metrics;

    /// <summary>How requests failed, by kind and outcome, over all kills.</summary>
    public IReadOnlyDictionary<string, int> Failures => _failures;

    /// <summary>Faults after which the cluster did not come back in time.</summary>
    public int NotRecovered { get; set; }

    public int Kills { get; set; }

    public void Add(Metric metric, double? value)
    {
        if (value is { } known && _values.TryGetValue(metric.Key, out var values))
            values.Add(known);
    }

    public void AddFailure(string what) => _failures[what] = _failures.GetValueOrDefault(what) + 1;

    public Spread? Of(Metric metric) => _values[metric.Key] is { Count: > 0 } values ? Spread.Of(values) : null;

    /// <summary>Null: there is no target, or nothing was measured.</summary>
    public bool? Met(Metric metric) => (metric.Binds, Of(metric)) switch
    {
        (Binds.Nothing, _) or (_, null) => null,
        (Binds.Median, { } spread) => spread.Median <= metric.Limit,
        (_, { } spread) => spread.Max <= metric.Limit,
    };
}

internal readonly record struct Spread(double Median, double P95, double Max, double Sum, int Count)
{
    public static Spread Of(List<double> values)
    {
        var sorted = values.Order().ToList();
        return new Spread(At(0.5), At(0.95), sorted[^1], sorted.Sum(), sorted.Count);

        double At(double share) => sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Count) - 1)];
    }
}

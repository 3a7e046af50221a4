using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Conclave.Bench.SelfHeal.Report;

/// <summary>Series as Markdown or JSON.</summary>
internal static class Printer
{
    public static string Markdown(Machine machine, IEnumerable<Series> all)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{machine}");
        foreach (var series in all)
        {
            text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"### {series.Title}").AppendLine();
            text.AppendLine("| | median | p95 | max | n | target | met |").AppendLine("|---|---:|---:|---:|---:|---|---|");
            foreach (var metric in series.Metrics)
                text.AppendLine(Row(series, metric));
            if (series.Kills > 0)
                text.AppendLine().AppendLine(Failures(series));
        }

        return text.ToString();
    }

    public static string Json(Machine machine, IEnumerable<Series> all)
    {
        var tables = new JsonArray();
        foreach (var series in all)
        {
            var metrics = new JsonObject();
            foreach (var metric in series.Metrics)
            {
                if (series.Of(metric) is not { } spread)
                    continue;
                metrics[metric.Key] = new JsonObject
                {
                    ["median"] = spread.Median,
                    ["p95"] = spread.P95,
                    ["max"] = spread.Max,
                    ["sum"] = spread.Sum,
                    ["n"] = spread.Count,
                    ["target"] = metric.Binds == Binds.Nothing ? null : metric.Limit,
                    ["binds"] = metric.Binds == Binds.Nothing ? null : metric.Binds.ToString().ToLowerInvariant(),
                    ["met"] = series.Met(metric),
                };
            }

            tables.Add(new JsonObject
            {
                ["title"] = series.Title,
                ["kills"] = series.Kills,
                ["not_recovered"] = series.NotRecovered,
                ["failures"] = new JsonObject(series.Failures.Select(f => KeyValuePair.Create(f.Key, (JsonNode?)f.Value))),
                ["metrics"] = metrics,
            });
        }

        return new JsonObject { ["v"] = 1, ["machine"] = machine.ToString(), ["tables"] = tables }.ToJsonString();
    }

    private static string Row(Series series, Metric metric)
    {
        var unit = metric.Unit.Length > 0 ? " " + metric.Unit : "";
        var target = metric.Binds switch
        {
            Binds.Nothing => "",
            Binds.Median => $"median ≤ {Show(metric.Limit)}{unit}",
            _ when metric.Limit == 0 => "0, every time",
            _ => $"≤ {Show(metric.Limit)}{unit}, every time",
        };
        var met = series.Met(metric) switch
        {
            true => "yes",
            false => "**no**",
            null => "",
        };
        return series.Of(metric) is { } spread
            ? $"| {metric.Title} | {Show(spread.Median)}{unit} | {Show(spread.P95)}{unit} | {Show(spread.Max)}{unit} | {spread.Count} | {target} | {met} |"
            : $"| {metric.Title} | not seen | | | 0 | {target} | |";
    }

    private static string Failures(Series series)
    {
        var failed = series.Failures.Count == 0 ? "none" : string.Join(", ", series.Failures.Select(f => $"{f.Key} {f.Value.ToString(CultureInfo.InvariantCulture)}"));
        var lost = series.NotRecovered == 0 ? "" : $" Not recovered in time: {series.NotRecovered.ToString(CultureInfo.InvariantCulture)}.";
        return $"{series.Kills.ToString(CultureInfo.InvariantCulture)} times. Failed requests in all: {failed}.{lost}";
    }

    private static string Show(double value) =>
        value.ToString(Math.Abs(value) < 10 && value != Math.Round(value) ? "0.0" : "0", CultureInfo.InvariantCulture);
}

/// <summary>Where and when it was measured.</summary>
internal sealed record Machine(DateTimeOffset Began, string LoadBefore, string LoadAfter)
{
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Began:yyyy-MM-dd HH:mm} UTC, {Environment.ProcessorCount} cores, load average {LoadBefore} before and {LoadAfter} after (1, 5, 15 minutes; the run itself included).");
}

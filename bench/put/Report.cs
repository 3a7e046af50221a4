using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Conclave.Bench.Put;

/// <summary>Medians, with the least and the most beside them.</summary>
internal static class Report
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static string Markdown(IReadOnlyList<Measurement> all)
    {
        var text = new StringBuilder();
        text.AppendLine("| clients | system | puts/s | p50 ms | p99 ms | CPU µs/put | puts/s ÷ etcd's |");
        text.AppendLine("|---:|---|---:|---:|---:|---:|---:|");
        foreach (var group in all.GroupBy(m => (m.Clients, m.System)).OrderBy(g => g.Key.Clients).ThenBy(g => g.Key.System, StringComparer.Ordinal))
        {
            var ratio = group.Key.System == "etcd" ? null : Ratio(all, group.Key.Clients);
            text.AppendLine(CultureInfo.InvariantCulture, $"| {group.Key.Clients} | {group.Key.System} | {Spread(group, m => m.PutsPerSecond, "0")} | {Spread(group, m => m.P50, "0.00")} | {Spread(group, m => m.P99, "0.00")} | {Spread(group, m => m.ProcessorMicroseconds, "0")} | {ratio:0.00} |");
        }

        return text.ToString();
    }

    public static string Json(IReadOnlyList<Measurement> all) => JsonSerializer.Serialize(
        new
        {
            measurements = all,
            ratios = all.Select(m => m.Clients).Distinct().Order().Select(clients => new { clients, conclaveToEtcd = Ratio(all, clients) }),
        },
        Indented);

    private static double? Ratio(IReadOnlyList<Measurement> all, int clients)
    {
        var ours = all.Where(m => m.Clients == clients && m.System == "conclave").ToList();
        var theirs = all.Where(m => m.Clients == clients && m.System == "etcd").ToList();
        return ours.Count == 0 || theirs.Count == 0 ? null : Median(ours, m => m.PutsPerSecond) / Median(theirs, m => m.PutsPerSecond);
    }

    private static string Spread(IEnumerable<Measurement> runs, Func<Measurement, double> of, string format)
    {
        var all = runs.ToList();
        return $"{Format(Median(all, of))} ({Format(all.Min(of))} to {Format(all.Max(of))})";

        string Format(double value) => value.ToString(format, CultureInfo.InvariantCulture);
    }

    private static double Median(IReadOnlyList<Measurement> runs, Func<Measurement, double> of)
    {
        var sorted = runs.Select(of).Order().ToList();
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }
}

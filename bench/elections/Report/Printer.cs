using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Conclave.Bench.Elections.Machine;

namespace Conclave.Bench.Elections.Report;

/// <summary>Rows as Markdown or JSON.</summary>
internal static class Printer
{
    private static readonly JsonSerializerOptions Json = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Machine(DateTimeOffset began, string loadBefore) => string.Create(
        CultureInfo.InvariantCulture,
        $"{began:yyyy-MM-dd HH:mm} UTC, {Environment.ProcessorCount} cores, {(DateTimeOffset.UtcNow - began).TotalSeconds:0} s, load average {loadBefore} before and {Kernel.LoadAverage()} after (1, 5, 15 minutes; the run itself included).");

    public static string Markdown(string machine, IEnumerable<Row> rows)
    {
        var text = new StringBuilder().AppendLine(machine).AppendLine();
        text.AppendLine("| | | median | p95 | max | n | target | met |").AppendLine("|---|---|---:|---:|---:|---:|---|---|");
        foreach (var row in rows)
        {
            var unit = row.Unit.Length > 0 ? " " + row.Unit : "";
            var spread = row.Values.Count == 1 ? "| |" : $"{Row.Show(row.P95)}{unit} | {Row.Show(row.Max)}{unit} |";
            var met = row.Met switch
            {
                true => "yes",
                false => "**no**",
                null => "",
            };
            text.AppendLine(CultureInfo.InvariantCulture, $"| {row.Subject} | {row.What} | {Row.Show(row.Median)}{unit} | {spread} {row.Values.Count} | {row.TargetText()} | {met} |");
        }

        return text.ToString();
    }

    public static string ToJson(string machine, IEnumerable<Row> rows) => new JsonObject
    {
        ["v"] = 1,
        ["machine"] = machine,
        ["rows"] = new JsonArray([.. rows.Select(row => new JsonObject
        {
            ["subject"] = row.Subject,
            ["what"] = row.What,
            ["unit"] = row.Unit,
            ["median"] = row.Median,
            ["p95"] = row.P95,
            ["max"] = row.Max,
            ["n"] = row.Values.Count,
            ["target"] = row.Binds is Binds.Nothing ? null : row.Limit,
            ["binds"] = row.Binds is Binds.Nothing ? null : row.Binds.ToString().ToLowerInvariant(),
            ["met"] = row.Met,
        })]),
    }.ToJsonString(Json);
}

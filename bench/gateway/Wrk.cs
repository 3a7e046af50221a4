using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Conclave.Bench.Gateway;

/// <summary>One run of wrk.</summary>
/// <param name="ProcessorUs">
/// Microseconds of processor per request in the loaded process: unlike rate and latency it hardly depends on what else the machine does.
/// </param>
/// <param name="RequestsPerSecond">As wrk counts them.</param>
/// <param name="P50Ms">Milliseconds.</param>
/// <param name="P99Ms">Milliseconds.</param>
/// <param name="Errors">wrk's line about them, or "none".</param>
internal sealed partial record Wrk(double RequestsPerSecond, double P50Ms, double P99Ms, double ProcessorUs, string Errors)
{
    public static async Task<Wrk> RunAsync(Child child, int seconds, int connections)
    {
        string[] arguments = ["--latency", "-t1", $"-c{connections}", $"-d{seconds}s", $"http://127.0.0.1:{child.Port}/"];
        var before = child.ProcessorTime;
        using var process = Process.Start(new ProcessStartInfo("wrk", arguments) { RedirectStandardOutput = true })!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        var spent = child.ProcessorTime - before;
        var requests = double.Parse(Total().Match(text).Groups[1].Value, CultureInfo.InvariantCulture);
        return new Wrk(
            double.Parse(Rate().Match(text).Groups[1].Value, CultureInfo.InvariantCulture), Latency(text, "50%"), Latency(text, "99%"), spent.TotalMicroseconds / requests,
            Trouble().Match(text) is { Success: true } errors ? errors.Value : "none");
    }

    private static double Latency(string text, string percentile)
    {
        var match = Regex.Match(text, Regex.Escape(percentile) + @"\s+([0-9.]+)(us|ms|s)", RegexOptions.None, TimeSpan.FromSeconds(1));
        var value = double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);
        return match.Groups[2].Value switch
        {
            "us" => value / 1000,
            "ms" => value,
            _ => value * 1000,
        };
    }

    [GeneratedRegex(@"Requests/sec:\s+([0-9.]+)")]
    private static partial Regex Rate();

    [GeneratedRegex(@"([0-9]+) requests in")]
    private static partial Regex Total();

    [GeneratedRegex(@"(Socket errors|Non-2xx).*")]
    private static partial Regex Trouble();
}

using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Conclave.Bench.Gateway;

/// <summary>One run of wrk.</summary>
internal sealed partial record Wrk(double RequestsPerSecond, double P50Ms, double P99Ms, string Errors)
{
    public static async Task<Wrk> RunAsync(string port, int seconds, int connections)
    {
        string[] arguments = ["--latency", "-t1", $"-c{connections}", $"-d{seconds}s", $"http://127.0.0.1:{port}/"];
        using var process = Process.Start(new ProcessStartInfo("wrk", arguments) { RedirectStandardOutput = true })!;
        var text = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new Wrk(
            double.Parse(Rate().Match(text).Groups[1].Value, CultureInfo.InvariantCulture), Latency(text, "50%"), Latency(text, "99%"),
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

    [GeneratedRegex(@"(Socket errors|Non-2xx).*")]
    private static partial Regex Trouble();
}

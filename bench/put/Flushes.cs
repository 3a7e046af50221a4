using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Conclave.Bench.Put;

/// <summary>
/// Whether an acknowledged put was flushed: with one client no two puts can share a flush, so a majority's flushes must be twice as many as the
/// puts, whatever the batching.
/// </summary>
internal static partial class Flushes
{
    public static async Task<int> ShowAsync(Group group, TimeSpan duration, TextWriter output)
    {
        var traces = group.Members.Select(member => Strace(member.Id)).ToArray();
        await Task.Delay(500); // until strace has attached; what it misses makes the count smaller, never larger
        var run = await Load.RunAsync(group, 1, duration);
        var counts = new List<int>();
        foreach (var trace in traces)
        {
            Interrupt(trace.Id);
            counts.Add(Calls().Matches(await trace.StandardError.ReadToEndAsync()).Sum(m => int.Parse(m.Groups["calls"].Value, CultureInfo.InvariantCulture)));
            await trace.WaitForExitAsync();
            trace.Dispose();
        }

        var puts = (int)Math.Round(run.PutsPerSecond * duration.TotalSeconds);
        var holds = counts.Sum() >= 2 * puts;
        await output.WriteLineAsync($"{group.Name}: {puts} puts by one client, fdatasync + fsync calls of each member: {string.Join(", ", counts)}; at least {2 * puts} wanted: {(holds ? "durable" : "NOT DURABLE")}");
        return holds ? 0 : 1;
    }

    private static Process Strace(int pid) => Process.Start(
        new ProcessStartInfo("strace", ["-f", "-c", "-e", "trace=fdatasync,fsync", "-p", pid.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardError = true })!;

    private static void Interrupt(int pid)
    {
        using var kill = Process.Start("kill", ["-INT", pid.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    // A line of strace's table: % time, seconds, usecs/call, calls, perhaps errors, and the name.
    [GeneratedRegex(@"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(?<calls>\d+)\s+(\d+\s+)?f(data)?sync\s*$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Calls();
}

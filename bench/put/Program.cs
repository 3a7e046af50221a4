// Puts per second and their latency: three members of Conclave beside three of etcd, every acknowledged put flushed on a majority.
// See bench/README.md. Real processes, loopback TCP, one disk, one load program for both.

using System.Diagnostics;
using Conclave.Bench.Put;

Settings settings;
try
{
    settings = Settings.Parse(args);
}
catch (FormatException wrong)
{
    await Console.Error.WriteLineAsync($"{wrong.Message}\n{Settings.Usage}");
    return 2;
}

var groups = new List<Group>();
try
{
    if (settings.Only is null or "conclave")
    {
        var program = settings.Conclave ?? Built();
        groups.Add(await Group.StartAsync("conclave", program, ["serve"], settings.Directory));
    }

    if (settings.Only is null or "etcd") groups.Add(await Group.StartAsync("etcd", settings.Etcd, [], settings.Directory));
    foreach (var group in groups) await Console.Error.WriteLineAsync($"{group.Name}: first answers of all members {group.ColdStart.TotalMilliseconds:0} ms after the start");
    if (settings.ShowFlushes)
    {
        var failed = 0;
        foreach (var group in groups) failed += await Flushes.ShowAsync(group, settings.Duration, Console.Out);
        return failed;
    }

    if (settings.Idle is { } idle)
    {
        await Idle.ShowAsync(groups, idle, Console.Out);
        return 0;
    }

    var all = await MeasureAsync(groups, settings);
    await Console.Out.WriteAsync(settings.Json ? Report.Json(all) : "\n" + Report.Markdown(all));
    return 0;
}
finally
{
    foreach (var group in groups) group.Dispose();
}

static async Task<List<Measurement>> MeasureAsync(List<Group> groups, Settings settings)
{
    // The runtime compiles the hot path again while it runs; what is measured is after that, for us as for the load program.
    foreach (var group in groups.Concat(groups)) await Load.RunAsync(group, 64, TimeSpan.FromSeconds(3));
    var all = new List<Measurement>();
    for (var round = 0; round < settings.Rounds; round++)
    {
        var order = round % 2 == 0 ? groups : Enumerable.Reverse(groups).ToList();
        foreach (var clients in settings.Clients)
        {
            foreach (var group in order)
            {
                var run = await Load.RunAsync(group, clients, settings.Duration);
                all.Add(run);
                await Console.Error.WriteLineAsync($"round {round + 1}  {run.Clients,4} clients  {run.System,-8} {run.PutsPerSecond,7:0} puts/s   p50 {run.P50,6:0.00} ms   p99 {run.P99,6:0.00} ms   {run.ProcessorMicroseconds,5:0} us of processor per put");
            }
        }
    }

    return all;
}

// The program as a user gets it. The script builds it when its sources have changed, here and not in the first member's start.
static string Built()
{
    for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
    {
        var script = Path.Combine(directory.FullName, "conclave");
        if (!File.Exists(script)) continue;
        using var build = Process.Start(new ProcessStartInfo(script, ["--version"]) { RedirectStandardOutput = true })!;
        build.WaitForExit();
        return build.ExitCode == 0 ? script : throw new InvalidOperationException("./conclave could not be built");
    }

    throw new InvalidOperationException("no ./conclave above this program; use --conclave PATH");
}

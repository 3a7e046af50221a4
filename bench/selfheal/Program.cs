// Faults under load, measured on the real thing: real processes, real signals, a steady open-loop load through the gateways, and clients that count.
// What is measured and how: ../README.md

using System.Runtime.InteropServices;
using Conclave.Bench.SelfHeal;
using Conclave.Bench.SelfHeal.Host;
using Conclave.Bench.SelfHeal.Load;
using Conclave.Bench.SelfHeal.Report;
using Conclave.Bench.SelfHeal.Subjects;

if (args is ["yarp", .. var ports])
    return await PlainYarp.RunAsync(ports);
if (Arguments.Parse(args) is not { } asked)
{
    Console.Error.WriteLine(Arguments.Usage);
    return 2;
}

// The load must disturb what it measures as little as it can: a pool thread that spins for more work takes a fifth of a core from it.
AppContext.SetData("System.Threading.ThreadPool.UnfairSemaphoreSpinLimit", "0");
ThreadPool.SetMinThreads(16, 16);
using var place = new Place(asked.Keep);
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, BreakOff);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, BreakOff);
var began = DateTimeOffset.UtcNow;
var loadBefore = Kernel.LoadAverage();
await place.BuildAsync();

List<Series> all = [];
if (asked.Idle)
    all.Add(await Quiet.IdleAsync(place, asked.Seconds ?? 60));
if (asked.Startup)
    all.Add(await Quiet.StartupAsync(place, times: 5));
if (!asked.Idle && !asked.Startup)
    await FaultsAsync();

var machine = new Machine(began, loadBefore, Kernel.LoadAverage());
Console.Write(asked.Json ? Printer.Json(machine, all) + "\n" : Printer.Markdown(machine, all));
return 0;

void BreakOff(PosixSignalContext context)
{
    context.Cancel = true;
    place.EndAllAsync().GetAwaiter().GetResult();
    Console.Error.WriteLine($"broken off; everything was ended, {place.Temporary} is left");
    Environment.Exit(130);
}

async Task FaultsAsync()
{
    var own = new Metric("own_start_ms", "the sample's own start, nobody in between", "ms");
    var calm = new Series("No fault, for comparison", [own, Metrics.InFlight, Metrics.Failed.Never(), Metrics.Gap, Metrics.Slowest, Metrics.SlowestFresh]);
    all.Add(calm);
    double ownStartMs;
    await using (var cluster = await ConclaveCluster.StartAsync(place))
    await using (var load = new OpenLoop(cluster.Url, asked.Rate))
    {
        await Task.Delay(5_000); // the runtime compiles the hot paths
        for (var i = 0; i < 5; i++)
            calm.Add(own, await OwnStartUp.MeasureMsAsync(place));
        ownStartMs = calm.Of(own)!.Value.Median;
        await Task.Delay(1_000);
        _ = load.Take();
        for (var i = 0; i < (asked.Seconds ?? 10) / 2; i++)
        {
            var from = Clock.Ns;
            await Task.Delay(2_000);
            calm.Add(Metrics.InFlight, load.InFlight);
            new Window(from, from, Clock.Ns, load.Take()).AddTo(calm);
            calm.Kills++;
        }

        var drill = new Drill(place, cluster, load, ownStartMs);
        foreach (var fault in asked.Kinds.Order())
            all.Add(await drill.RunAsync(fault, asked.CountOf(fault)));
    }

    if (!asked.Rivals || !asked.Kinds.Contains(Fault.Instance))
        return;
    await using (var haproxy = await Rival.HaproxyRunitAsync(place))
        all.Add(await RivalDrill.RunAsync(place, haproxy, asked.Rate, asked.Kills));
    await using (var yarp = await Rival.YarpAsync(place))
        all.Add(await RivalDrill.RunAsync(place, yarp, asked.Rate, asked.Kills));
}

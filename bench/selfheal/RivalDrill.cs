using System.Globalization;
using Conclave.Bench.SelfHeal.Host;
using Conclave.Bench.SelfHeal.Load;
using Conclave.Bench.SelfHeal.Report;
using Conclave.Bench.SelfHeal.Subjects;

namespace Conclave.Bench.SelfHeal;

/// <summary>The same instance kills against somebody else's balancer and supervisor, seen from outside.</summary>
internal static class RivalDrill
{
    public static async Task<Series> RunAsync(Place place, Rival rival, double rate, int count)
    {
        await using var load = new OpenLoop(rival.Url, rate);
        var began = Clock.Ns;
        while (!(load.Any(a => a.Instance == "web/1") && load.Any(a => a.Instance == "web/2") && load.Any(a => a.Instance == "web/3")))
        {
            if (Clock.MsSince(began) > 30_000)
                throw new InvalidOperationException($"{rival.Name} does not serve");
            await Task.Delay(50);
        }

        await Task.Delay(3_000); // the runtime compiles the hot paths
        var series = new Series(
            $"{rival.Name}: instance killed",
            [
                Metrics.InFlight, Metrics.Told, Metrics.Restarted, Metrics.Serving, Metrics.OwnStart, Metrics.ServingOver.AtMost(50), Metrics.FailedGets.Never(), Metrics.FailedPosts, Metrics.Truncated,
                Metrics.Gap, Metrics.Slowest,
            ]);
        for (var i = 0; i < count; i++)
        {
            await OnceAsync(place, series, rival, load, i % 3);
            Console.Error.Write('.');
        }

        Console.Error.WriteLine($" {rival.Name} {series.Kills.ToString(CultureInfo.InvariantCulture)}");
        return series;
    }

    private static async Task OnceAsync(Place place, Series series, Rival rival, OpenLoop load, int instance)
    {
        var name = $"web/{(instance + 1).ToString(CultureInfo.InvariantCulture)}";
        var ownStart = await OwnStartUp.MeasureMsAsync(place);
        await Task.Delay(300);
        for (var waited = Clock.Ns; load.InFlight < 20 && Clock.MsSince(waited) < 2_000;)
            await Task.Delay(2);
        _ = load.Take();
        series.Add(Metrics.InFlight, load.InFlight);
        var old = rival.PidOf(instance);
        var watch = ExitWatch.Of(old);
        var began = Clock.Ns;
        Kernel.Signal(old, Kernel.SigKill);

        int next;
        while (((next = rival.PidOf(instance)) == 0 || next == old) && Clock.MsSince(began) < 10_000)
            await Task.Delay(1);
        series.Add(Metrics.Restarted, Clock.MsSince(began));
        series.Add(Metrics.Told, (await watch.ToldNsAsync() - began) / 1e6);
        while (!load.Any(a => a.Pid == next && a.Outcome == Outcome.Good) && Clock.MsSince(began) < 20_000)
            await Task.Delay(25);
        var recovered = Clock.Ns;
        while (Clock.MsSince(began) < Drill.InstanceCycle.TotalMilliseconds || load.OldestOutstandingNs < Clock.Ns - 1_000_000_000)
            await Task.Delay(20);

        var answers = load.Take();
        var first = answers.Where(a => a.Instance == name && a.Pid == next && a.Outcome == Outcome.Good).Select(a => a.DoneNs).DefaultIfEmpty(0).Min();
        series.Kills++;
        if (first == 0)
            series.NotRecovered++;
        else
        {
            series.Add(Metrics.Serving, (first - began) / 1e6);
            series.Add(Metrics.OwnStart, ownStart);
            series.Add(Metrics.ServingOver, ((first - began) / 1e6) - ownStart);
        }

        new Window(began, began, recovered, answers).AddTo(series);
    }
}

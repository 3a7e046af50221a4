using Conclave.Bench.Elections.Machine;
using Conclave.Bench.Elections.Report;
using Conclave.Bench.Elections.Subjects;

namespace Conclave.Bench.Elections.Drills;

/// <summary>kill -9 of the process that leads, until the process that waits does. Ours and the rival's at the same time: for nearly all of it everybody sleeps.</summary>
internal static class KilledHolder
{
    // The holder renews every third of a TTL; kills at a fixed time after the election would always meet the same part of it.
    private const double LongestReign = 0.7;

    public static async Task<IReadOnlyList<Row>> RunAsync(Subject subject, double roundTripMs, Settings settings)
    {
        if (subject.Ttl is not { } ttl)
            return [];
        var ours = MeasureAsync(number => subject.StartContestant("ours", "bench/killed", number, ttl), ttl, settings);
        var rival = subject.Rival is { } other ? MeasureAsync(number => new ChildTurns(other.Start("bench-rival-killed", number, ttl)), ttl, settings) : null;
        await Task.WhenAll(ours, rival ?? Task.CompletedTask);

        var (limit, because) = subject.KilledLimit(roundTripMs);
        var what = $"kill -9 of the holder until the next leader acts, TTL {Row.Show(ttl.TotalSeconds)} s";
        var rows = new List<Row> { new Row(subject.Name, what, "ms", await ours).Target(Binds.Every, limit, because) };
        if (rival is not null)
            rows.Add(new Row(subject.Name, $"{what} ({subject.Rival!.Name})", "ms", await rival));
        return rows;
    }

    private static async Task<List<double>> MeasureAsync(Func<int, ITurns> start, TimeSpan ttl, Settings settings)
    {
        var measured = new List<double>();
        var (leads, waits) = ((Turns: start(0), Number: 0), (Turns: start(1), Number: 1));
        await Task.WhenAll(leads.Turns.ReadyAsync(), waits.Turns.ReadyAsync());
        await leads.Turns.StandAsync();
        try
        {
            for (var i = 0; i < settings.Kills; i++)
            {
                var elected = waits.Turns.StandAsync();
                await Task.Delay(ttl * LongestReign * (i + 1) / settings.Kills);
                var killed = leads.Turns.Kill();
                measured.Add(Clock.MsBetween(killed, await elected));

                var fallen = leads;
                leads = waits;
                await fallen.Turns.DisposeAsync();
                waits = (start(fallen.Number), fallen.Number);
                await waits.Turns.ReadyAsync();
            }
        }
        finally
        {
            await leads.Turns.DisposeAsync();
            await waits.Turns.DisposeAsync();
        }

        return measured;
    }
}

using Conclave.Bench.Elections.Machine;
using Conclave.Bench.Elections.Report;
using Conclave.Bench.Elections.Subjects;

namespace Conclave.Bench.Elections.Drills;

/// <summary>
/// Two contestants hand leadership to each other: from the call of <c>ResignAsync</c> in one process to the moment at which the other's <c>CampaignAsync</c> has returned. Ours, the raw
/// requests and the rival take turns in blocks, the order turning from block to block.
/// </summary>
internal static class HandOver
{
    private const string Ours = "ours";
    private const string Raw = "raw";
    private const double BeyondRoundTrips = 2;

    // Nobody's lease shall end while it is handed over.
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(10);

    // The one who waits must be waiting, its watch in place, when the leader resigns.
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    public static async Task<(IReadOnlyList<Row> Rows, double RoundTripMs)> RunAsync(Subject subject, Settings settings)
    {
        var sides = new List<Side> { await Side.OpenAsync(Ours, Pause, number => subject.StartContestant(Ours, "bench/hand-over", number, Ttl)) };
        try
        {
            if (subject.RoundTrips is RoundTrips.RawRequests)
                sides.Add(await Side.OpenAsync(Raw, Pause, number => subject.StartContestant(Raw, "bench-raw", number, Ttl)));
            if (subject.Rival is { } rival)
                sides.Add(await Side.OpenAsync(rival.Name, rival.Pause, number => new ChildTurns(rival.Start("bench-rival", number, Ttl))));

            foreach (var side in sides)
                await side.RunAsync(settings.WarmUp, counted: false);
            for (var done = 0; done < settings.HandOvers; done += settings.BlockOf)
            {
                foreach (var side in done / settings.BlockOf % 2 == 0 ? sides : Enumerable.Reverse(sides))
                    await side.RunAsync(settings.BlockOf, counted: true);
            }
        }
        finally
        {
            foreach (var side in sides)
                await side.DisposeAsync();
        }

        return Rows(subject, sides);
    }

    private static (IReadOnlyList<Row> Rows, double RoundTripMs) Rows(Subject subject, List<Side> sides)
    {
        const string What = "hand-over: ResignAsync until the next leader acts";
        var ours = new Row(subject.Name, What, "ms", sides[0].Measured);
        var own = subject.RoundTrips switch
        {
            RoundTrips.RawRequests => new Row(subject.Name, "hand-over: its own round trips (raw requests)", "ms", sides[1].Measured),
            RoundTrips.Answer => new Row(subject.Name, "hand-over: its own round trips (until ResignAsync is answered)", "ms", sides[0].Answered),
            _ => null,
        };
        var rivals = sides.Where(side => side.Name is not (Ours or Raw)).Select(side => new Row(subject.Name, $"{What} ({side.Name})", "ms", side.Measured));
        ours = ours.Target(Binds.Median, (own?.Median ?? 0) + BeyondRoundTrips, own is null ? "no round trip" : $"{Row.Show(own.Median)} own round trips + 2");
        return (own is null ? [ours] : [ours, own, .. rivals], own?.Median ?? 0);
    }

    private sealed class Side(string name, TimeSpan pause, ITurns leads, ITurns waits) : IAsyncDisposable
    {
        private ITurns _leads = leads;
        private ITurns _waits = waits;
        private Task<long> _elected = Task.FromResult(0L);

        public string Name => name;

        public List<double> Measured { get; } = [];

        public List<double> Answered { get; } = [];

        public static async Task<Side> OpenAsync(string name, TimeSpan pause, Func<int, ITurns> start)
        {
            var (one, other) = (start(0), start(1));
            await Task.WhenAll(one.ReadyAsync(), other.ReadyAsync());
            var side = new Side(name, pause, one, other);
            await one.StandAsync();
            side._elected = other.StandAsync();
            return side;
        }

        public async Task RunAsync(int times, bool counted)
        {
            for (var i = 0; i < times; i++)
            {
                await Task.Delay(pause);
                if (_elected.IsCompleted)
                    throw new InvalidOperationException($"{name}: the second leads beside the first.");
                var (began, answered) = await _leads.ResignAsync();
                var elected = await _elected;
                if (counted)
                {
                    Measured.Add(Clock.MsBetween(began, elected));
                    Answered.Add(Clock.MsBetween(began, answered));
                }

                (_leads, _waits) = (_waits, _leads);
                _elected = _waits.StandAsync();
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _leads.ResignAsync();
            await _elected;
            await _waits.ResignAsync();
            await _leads.DisposeAsync();
            await _waits.DisposeAsync();
        }
    }
}

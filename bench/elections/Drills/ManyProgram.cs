using System.Diagnostics.Metrics;
using System.Globalization;
using Conclave.Bench.Elections.Contestants;
using Conclave.Bench.Elections.Machine;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Conclave.Bench.Elections.Drills;

/// <summary>
/// A process that leads many elections. Says <c>empty RESIDENT MANAGED</c> after it has led a few and given them up, <c>held SECONDS</c> when it leads all, and, told so by a line,
/// <c>full RESIDENT MANAGED</c> and <c>renewals COUNT SECONDS</c>. Bytes, after full collections.
/// </summary>
internal static class ManyProgram
{
    public const string Word = "many";

    private const int Few = 20;
    private const int AtATime = 64;

    private static int _led;
    private static long _renewals;

    /// <param name="arguments"><c>plain</c> or <c>hosted</c>, how many, seconds in which renewals are counted, and the backend's address.</param>
    public static async Task<int> RunAsync(string[] arguments)
    {
        var (hosted, count, seconds) = (arguments[0] == "hosted", int.Parse(arguments[1], CultureInfo.InvariantCulture), double.Parse(arguments[2], CultureInfo.InvariantCulture));
        using var listener = CountRenewals();
        await using var source = await ElectionSource.OpenAsync(arguments[3..], new LeaseOptions());
        Func<string, int, Task<IAsyncDisposable>> lead = hosted ? (prefix, number) => HostAsync(source, prefix, number) : (prefix, number) => LeadAsync(source, prefix, number);

        await (await lead("bench/few", Few)).DisposeAsync();
        Say("empty", Weight());

        var began = Clock.Ns;
        var all = await lead("bench/many", count);
        Say("held", Clock.MsBetween(began, Clock.Ns) / 1000);

        await Console.In.ReadLineAsync();
        Say("full", Weight());
        var (renewals, from) = (Interlocked.Read(ref _renewals), Clock.Ns);
        await Task.Delay(TimeSpan.FromSeconds(seconds));
        Say("renewals", Interlocked.Read(ref _renewals) - renewals, Clock.MsBetween(from, Clock.Ns) / 1000);
        GC.KeepAlive(all);

        // To hand over ten thousand leaderships is not what is measured: the source closes its session, and with it they end; a host's is closed by the end of the process.
        await Console.In.ReadLineAsync();
        return 0;
    }

    private static async Task<IAsyncDisposable> LeadAsync(IElectionSource source, string prefix, int count)
    {
        var led = new Led(new ILeaderElection[count]);
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = AtATime }, async (number, cancellation) =>
        {
            led.Elections[number] = source.Join($"{prefix}/{number}", "bench");
            await led.Elections[number].CampaignAsync(cancellation);
        });
        return led;
    }

    private static async Task<IAsyncDisposable> HostAsync(IElectionSource source, string prefix, int count)
    {
        _led = 0;
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Warning).AddConsole());
        for (var number = 0; number < count; number++)
            builder.Services.AddLeaderElection($"{prefix}/{number}", source.Use).AddLeaderService<Work>();
        var host = new Hosted(builder.Build());
        await host.Host.StartAsync();
        while (Volatile.Read(ref _led) < count)
            await Task.Delay(10);
        return host;
    }

    private static double[] Weight()
    {
        for (var i = 0; i < 3; i++)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return [Kernel.Resident(), GC.GetTotalMemory(forceFullCollection: false)];
    }

    private static MeterListener CountRenewals()
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == Telemetry.MeterName && instrument.Name == "conclave.lease.renewals")
                    self.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((_, count, _, _) => Interlocked.Add(ref _renewals, count));
        listener.Start();
        return listener;
    }

    private static void Say(string word, params double[] numbers)
    {
        Console.Out.WriteLine(word + string.Concat(numbers.Select(number => " " + number.ToString(CultureInfo.InvariantCulture))));
        Console.Out.Flush();
    }

    /// <summary>Work that waits for its end, so that what is weighed is not its own.</summary>
    private sealed class Work : LeaderBackgroundService
    {
        protected override Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            Interlocked.Increment(ref _led);
            return Task.Delay(Timeout.Infinite, stoppingToken);
        }
    }

    private sealed record Led(ILeaderElection[] Elections) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync() => await Task.WhenAll(Elections.Select(election => election.DisposeAsync().AsTask()));
    }

    private sealed record Hosted(IHost Host) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await Host.StopAsync();
            await ((IAsyncDisposable)Host).DisposeAsync();
        }
    }
}

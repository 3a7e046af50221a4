using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;

namespace Conclave.Tests.Hosting;

public sealed class TelemetryTests : IDisposable
{
    // Other tests measure at the same time, so this election's name is its own and the rest is filtered out.
    private const string Name = "telemetry/own";

    private readonly MeterListener _listener = new();
    private readonly ConcurrentQueue<(string Instrument, double Value, string Tags)> _measured = new();
    private readonly ConcurrentQueue<string> _activities = new();
    private readonly ActivityListener _activityListener;

    public TelemetryTests()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == Telemetry.MeterName)
                listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Took(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Took(instrument, value, tags));
        _listener.Start();
        _activityListener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Telemetry.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (activity.GetTagItem("conclave.election.name") as string == Name)
                    _activities.Enqueue(activity.OperationName);
            },
        };
        ActivitySource.AddActivityListener(_activityListener);
    }

    public void Dispose()
    {
        _listener.Dispose();
        _activityListener.Dispose();
    }

    [Fact]
    public async Task A_life_with_an_election_a_failure_and_a_loss_is_told_in_numbers()
    {
        var fake = new FakeElection(Name);
        using var host = ElectionHost.Build(builder => builder.Services.AddLeaderElection(Name, e => e.UseFake(fake).AddLeaderService<FailsFirst>()));
        FailsFirst.Failed = false;
        await host.StartAsync();
        await Until.HoldsAsync(() => Sum("conclave.election.vacant") == 1);

        await fake.Elect().WaitAsync(Until.Deadline);
        await Until.HoldsAsync(() => Sum("conclave.election.service.failures") == 1 && Sum("conclave.election.leading") == 0 && Sum("conclave.election.leaderships") == 1);
        Assert.Contains(_measured, told => told.Instrument == "conclave.election.losses" && told.Tags.Contains("conclave.loss.reason=Resigned", StringComparison.Ordinal));
        Assert.Contains(_measured, told => told.Tags.Contains("error.type=System.IO.InvalidDataException", StringComparison.Ordinal));

        await Until.HoldsInAsync(fake.Time, TimeSpan.FromMilliseconds(100), () => fake.IsCampaigning);
        await fake.Elect().WaitAsync(Until.Deadline);
        await Until.HoldsAsync(() => Sum("conclave.election.leading") == 1 && Sum("conclave.election.vacant") == 0);
        Assert.Contains(_measured, told => told.Instrument == "conclave.election.vacancy.duration");
        Assert.True(fake.Lose(LossReason.LeaseRefused));
        await Until.HoldsAsync(() => _measured.Any(told => told.Tags.Contains("conclave.loss.reason=LeaseRefused", StringComparison.Ordinal)));
        Assert.Equal(0, Sum("conclave.election.leading"));
        Assert.Equal(2, _measured.Count(told => told.Instrument == "conclave.election.campaign.duration"));
        Assert.Equal(2, _measured.Count(told => told.Instrument == "conclave.election.leadership.duration"));

        await Until.HoldsAsync(() => fake.IsCampaigning);
        await host.StopAsync();
        Assert.Equal(0, Sum("conclave.election.vacant"));
        Assert.Equal(2, _activities.Count(name => name == "conclave.lead"));
        Assert.Equal(2, _activities.Count(name => name == "conclave.resign"));
        Assert.Equal(3, _activities.Count(name => name == "conclave.campaign"));
    }

    [Fact]
    public void Renewals_tell_their_outcome_and_the_margin_that_was_left()
    {
        // A margin that no other test has: 7.25 s of 9.
        var time = new FakeTime();
        var options = new LeaseOptions { Ttl = TimeSpan.FromSeconds(10), ClockRateMargin = 0, StopMargin = TimeSpan.FromSeconds(1) };
        using var lease = new LeaseTimer(LeaseClock.Start(Instant.Now(time), options.Ttl, options), time);
        time.Advance(TimeSpan.FromSeconds(1.75));
        lease.Apply(new Renewal.Unknown());
        Assert.Contains(_measured, told => told.Instrument == "conclave.lease.margin" && told.Value == 7.25);
        Assert.Contains(_measured, told => told.Instrument == "conclave.lease.renewals" && told.Tags == "conclave.renewal.outcome=unknown");
    }

    private double Sum(string instrument) =>
        _measured.Where(told => told.Instrument == instrument && told.Tags.Contains($"conclave.election.name={Name}", StringComparison.Ordinal)).Sum(told => told.Value);

    private void Took(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var text = string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"));
        if (text.Contains(Name, StringComparison.Ordinal) || instrument.Name.StartsWith("conclave.lease", StringComparison.Ordinal))
            _measured.Enqueue((instrument.Name, value, text));
    }

    private sealed class FailsFirst : LeaderBackgroundService
    {
        public static bool Failed { get; set; }

        protected override Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            if (Failed)
                return Task.Delay(Timeout.Infinite, stoppingToken);
            Failed = true;
            throw new InvalidDataException("the first time");
        }
    }
}

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Conclave.Tests.Hosting;

public sealed class HealthTests
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private HealthStatus _status = HealthStatus.Unhealthy;

    [Fact]
    public async Task An_unhealthy_instance_does_not_campaign_and_resigns_when_it_becomes_so()
    {
        await using var host = NewHost("ready", out _);
        await host.StartAsync();
        await Until.HoldsAsync(() => host.Time.PendingTimers > 0);
        for (var asked = 0; asked < 3; asked++)
        {
            host.Time.Advance(Interval);
            await Task.Delay(20);
        }

        Assert.False(host.Election.IsCampaigning);

        _status = HealthStatus.Degraded;
        await Until.HoldsInAsync(host.Time, Interval, () => host.Election.IsCampaigning);
        var leadership = await host.ElectAsync();
        await host.Diary.HasAsync("works");

        _status = HealthStatus.Unhealthy;
        await Until.HoldsInAsync(host.Time, Interval, () => leadership.LossReason is not null);
        Assert.Equal(LossReason.Resigned, leadership.LossReason);
        await host.Diary.HasAsync("stops");
        Assert.Null(await host.Election.GetLeaderAsync(default));

        _status = HealthStatus.Healthy;
        await Until.HoldsInAsync(host.Time, Interval, () => host.Election.IsCampaigning);
    }

    [Fact]
    public async Task An_unhealthy_candidate_withdraws_from_its_campaign()
    {
        _status = HealthStatus.Healthy;
        await using var host = NewHost("ready", out _);
        await host.StartAsync();
        await host.CampaignsAsync();
        _status = HealthStatus.Unhealthy;
        await Until.HoldsInAsync(host.Time, Interval, () => !host.Election.IsCampaigning);
    }

    [Fact]
    public async Task A_tag_that_no_check_has_is_no_health()
    {
        _status = HealthStatus.Healthy;
        await using var host = NewHost("redy", out _);
        await host.StartAsync();
        await Until.HoldsAsync(() => host.Logged.Any(line => line.Contains("No health check was selected", StringComparison.Ordinal)));
        Assert.False(host.Election.IsCampaigning);
    }

    [Fact]
    public async Task A_check_that_hangs_is_no_health_and_is_not_asked_twice()
    {
        var asked = 0;
        await using var host = new ElectionHost(e => e.AddLeaderService<Worker>().CampaignOnlyWhile((_, _) =>
        {
            Interlocked.Increment(ref asked);
            return new TaskCompletionSource<bool>().Task;
        }));
        await host.StartAsync();
        await Until.HoldsInAsync(host.Time, Interval, () => host.Logged.Count(line => line.Contains("cannot be told", StringComparison.Ordinal)) == 3);
        Assert.Equal(1, asked);
        Assert.False(host.Election.IsCampaigning);
    }

    [Fact]
    public async Task The_check_of_an_election_says_who_leads()
    {
        _status = HealthStatus.Healthy;
        await using var host = NewHost("ready", out var check);
        await host.StartAsync();
        Assert.Equal((HealthStatus.Degraded, "Nobody leads billing/dialer."), await check());

        await host.CampaignsAsync();
        await host.ElectAsync();
        Assert.Equal((HealthStatus.Healthy, "candidate leads billing/dialer with token 1."), await check());

        host.Election.Elect("another");
        Assert.Equal((HealthStatus.Healthy, "another leads billing/dialer with token 2."), await check());

        host.Election.LoseReply();
        var (status, message) = await check();
        Assert.Equal(HealthStatus.Degraded, status);
        Assert.Contains("the answer was lost", message, StringComparison.Ordinal);
    }

    private ElectionHost NewHost(string tag, out Func<Task<(HealthStatus, string?)>> check)
    {
        var host = new ElectionHost(
            e => e.AddLeaderService<Worker>().RequireHealthy(tag),
            builder => builder.Services.AddHealthChecks()
                .AddLeaderElection(ElectionHost.Name, tags: ["ready"])
                .AddCheck("database", () => new HealthCheckResult(_status), tags: ["ready"]));
        check = async () =>
        {
            var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(check => check.Name == "election:billing/dialer");
            var entry = Assert.Single(report.Entries).Value;
            return (entry.Status, entry.Description);
        };
        return host;
    }

    private sealed class Worker(Diary diary) : LeaderBackgroundService
    {
        protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            diary.Write("works");
            try
            {
                await Task.Delay(Timeout.Infinite, stoppingToken);
            }
            finally
            {
                diary.Write("stops");
            }
        }
    }
}

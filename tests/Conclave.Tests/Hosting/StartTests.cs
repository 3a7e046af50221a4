using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Conclave.Tests.Hosting;

public sealed class StartTests
{
    private const string Section = "Conclave:Elections:billing/dialer";

    [Fact]
    public async Task A_backend_that_answers_the_tenth_time_is_in_time()
    {
        await using var host = new ElectionHost(e => e.AddLeaderService<Idle>());
        host.Election.LoseReply(9);
        var start = host.StartAsync();
        await Until.HoldsInAsync(host.Time, TimeSpan.FromMilliseconds(100), () => start.IsCompleted);
        await start;
        await host.CampaignsAsync();
        Assert.Equal(9, host.Logged.Count(line => line.Contains("to connect failed", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_backend_that_does_not_answer_ten_times_fails_the_start_and_the_error_names_the_option()
    {
        await using var host = new ElectionHost(e => e.AddLeaderService<Idle>());
        host.Election.LoseReply(10);
        var start = host.StartAsync();
        await Until.HoldsInAsync(host.Time, TimeSpan.FromMilliseconds(100), () => start.IsCompleted);
        var fault = await Assert.ThrowsAsync<ElectionUnavailableException>(() => start);
        Assert.Contains("billing/dialer: no connection after 10 attempts", fault.Message, StringComparison.Ordinal);
        Assert.Contains($"{Section}:ConnectAttempts", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_no_attempts_the_host_starts_without_asking()
    {
        await using var host = new ElectionHost(e => e.Configure(options => options.ConnectAttempts = 0).AddLeaderService<Idle>());
        host.Election.LoseReply(1000);
        await host.StartAsync();
        await host.CampaignsAsync();
    }

    [Fact]
    public async Task Without_leader_services_nobody_campaigns_but_the_application()
    {
        await using var host = new ElectionHost();
        await host.StartAsync();
        var election = host.Services.GetRequiredKeyedService<ILeaderElection>(ElectionHost.Name);
        Assert.False(host.Election.IsCampaigning);
        var campaign = election.CampaignAsync(default);
        await host.ElectAsync();
        Assert.Equal("candidate", (await campaign).Leader.Value);
    }

    [Theory]
    [InlineData("ConnectAttempts", "-1", "ConnectAttempts is -1: must be 1 to 1000")]
    [InlineData("ConnectAttempts", "many", "ConnectAttempts is 'many': write a whole number")]
    [InlineData("ConnectDelayMin", "0s", "ConnectDelayMin is 00:00:00: must be above zero")]
    [InlineData("ConnectDelayMax", "1ms", "ConnectDelayMax is 00:00:00.0010000: must not be below ConnectDelayMin")]
    [InlineData("RestartDelayMin", "5", "RestartDelayMin is '5': write a duration with its unit")]
    [InlineData("RestartDelayMax", "10ms", "RestartDelayMax is 00:00:00.0100000: must not be below RestartDelayMin")]
    [InlineData("StopTimeout", "-1s", "StopTimeout is -00:00:01: must be above zero")]
    [InlineData("HealthInterval", "00:00:00", "HealthInterval is 00:00:00: must be above zero")]
    [InlineData("WatchLeader", "maybe", "WatchLeader is 'maybe': write true or false")]
    [InlineData("Value", "", "Value is empty")]
    [InlineData("Lease:Ttl", "0s", "Lease:Ttl is 00:00:00: LeaseOptions.Ttl must be above zero")]
    [InlineData("Lease:ClockRateMargin", "lots", "Lease:ClockRateMargin is 'lots': write a number")]
    [InlineData("Lease:Tll", "5s", "Lease:Tll is not an option. Known: ClockRateMargin, RenewalsPerTtl, StopMargin, Ttl")]
    [InlineData("Ttl", "5s", "Ttl is not an option. Known: ConnectAttempts,")]
    public async Task A_bad_option_fails_the_start_with_one_error_that_names_it(string key, string value, string problem)
    {
        using var host = ElectionHost.Build(builder => builder.Services.AddLeaderElection(ElectionHost.Name, e => e.UseInMemory(new InMemoryElections())), ($"{Section}:{key}", value));
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.StartsWith($"{Section}:{problem}", Assert.Single(refused.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_election_without_a_backend_fails_the_start()
    {
        using var host = ElectionHost.Build(builder => builder.Services.AddLeaderElection(ElectionHost.Name));
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Contains("Backend is not chosen: call UseEtcd", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_come_from_the_configuration_and_code_wins()
    {
        using var host = ElectionHost.Build(
            builder => builder.Services.AddLeaderElection(ElectionHost.Name, e => e.UseInMemory().Configure(options => options.ConnectAttempts = 3)),
            ($"{Section}:ConnectAttempts", "7"), ($"{Section}:Value", "http://10.0.0.1:80"), ($"{Section}:ConnectDelayMin", "200ms"), ($"{Section}:RestartDelayMax", "2m"),
            ($"{Section}:StopTimeout", "00:00:07"), ($"{Section}:WatchLeader", "false"), ($"{Section}:Lease:Ttl", "1.5s"), ($"{Section}:Lease:RenewalsPerTtl", "4"));
        var options = host.Services.GetRequiredService<IOptionsMonitor<LeaderElectionOptions>>().Get(ElectionHost.Name);
        Assert.Equal(3, options.ConnectAttempts);
        Assert.Equal("http://10.0.0.1:80", options.Value);
        Assert.Equal(TimeSpan.FromMilliseconds(200), options.ConnectDelayMin);
        Assert.Equal(TimeSpan.FromMinutes(2), options.RestartDelayMax);
        Assert.Equal(TimeSpan.FromSeconds(7), options.StopTimeout);
        Assert.False(options.WatchLeader);
        Assert.Equal(new LeaseOptions { Ttl = TimeSpan.FromSeconds(1.5), RenewalsPerTtl = 4 }, options.Lease);
    }

    [Fact]
    public void The_same_name_again_adds_to_the_same_election()
    {
        var services = new ServiceCollection();
        var first = services.AddLeaderElection("jobs", e => e.UseInMemory());
        Assert.Same(first, services.AddLeaderElection("jobs").AddLeaderService<Idle>());
        Assert.NotSame(first, services.AddLeaderElection("other"));
        Assert.Equal(2, services.Count(service => service.ServiceType == typeof(ILeaderElection)));
        Assert.Equal(1, services.Count(service => service.ServiceType == typeof(IHostedService)));
    }

    [Theory]
    [InlineData(1, 0, 0.5)]
    [InlineData(1, 1, 1)]
    [InlineData(2, 1, 2)]
    [InlineData(5, 0.5, 12)]
    [InlineData(6, 1, 20)]
    [InlineData(1_000_000, 1, 20)]
    public void Pauses_double_up_to_the_longest(int failures, double jitter, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), new RetryDelay(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20)).After(failures, jitter));

    private sealed class Idle : LeaderBackgroundService
    {
        protected override Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken) => Task.CompletedTask;
    }
}

using System.Diagnostics;
using Conclave.Contract;
using Conclave.Wire.Etcd;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using static Conclave.Contract.Awaited;

namespace Conclave.Etcd.Tests.Hosting;

/// <summary>Generic hosts against a real etcd, in this process and in processes of their own.</summary>
public sealed class HostingTests : IAsyncLifetime
{
    private const string Election = "billing/dialer";
    private const int LongTtlSeconds = 20;
    private const int ShortTtlSeconds = 2;

    private readonly ElectionServer _server = NewServer();
    private readonly List<IHost> _hosts = [];

    public Task InitializeAsync() => _server.StartAsync();

    public async Task DisposeAsync()
    {
        foreach (var host in Enumerable.Reverse(_hosts))
        {
            await host.StopAsync();
            await ((IAsyncDisposable)host).DisposeAsync();
        }

        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Of_two_hosts_one_works_and_when_it_stops_the_other_does_long_before_the_lease_would_end()
    {
        var (first, second) = (new HostedWork("first"), new HostedWork("second"));
        var (leading, waiting) = (NewHost(first), NewHost(second));
        await leading.StartAsync();
        var old = await first.WorksAsync();
        await waiting.StartAsync();
        await StandAsync(2);

        var stopped = Stopwatch.GetTimestamp();
        await leading.StopAsync();
        var next = await second.WorksAsync();

        Assert.True(Stopwatch.GetElapsedTime(stopped) < TimeSpan.FromSeconds(LongTtlSeconds / 2), $"the hand-over took {Stopwatch.GetElapsedTime(stopped)}");
        Assert.True(next.FencingToken > old.FencingToken);
        Assert.Equal(LossReason.Resigned, old.LossReason);
        var election = waiting.Services.GetRequiredKeyedService<ILeaderElection>(Election);
        Assert.Equal(new Leader("second", next.FencingToken), await election.GetLeaderAsync(default));
    }

    [Fact]
    public async Task A_process_that_is_terminated_ends_its_work_then_hands_over_then_ends()
    {
        using var child = NewChild(LongTtlSeconds);
        await child.LineAsync("works");
        var work = new HostedWork("second", () => File.Exists(Path.Combine(_server.Folder, HostedCandidate.EndedFile)));
        await NewHost(work).StartAsync();
        await StandAsync(2);

        var terminated = Stopwatch.GetTimestamp();
        child.Signal(Signal.Terminate);
        await work.WorksAsync();

        Assert.True(Stopwatch.GetElapsedTime(terminated) < TimeSpan.FromSeconds(LongTtlSeconds / 2), $"the hand-over took {Stopwatch.GetElapsedTime(terminated)}");
        Assert.True(work.SawAtStart, "the next leader began before the last one's work had ended");
        await child.LineAsync("stopped, held True");
        await child.ExitAsync();
        Assert.Equal(0, child.ExitCode);
    }

    [Fact]
    public async Task A_process_that_is_killed_is_replaced_when_its_lease_ends()
    {
        using var child = NewChild(ShortTtlSeconds);
        await child.LineAsync("works");
        var work = new HostedWork("second");
        await NewHost(work).StartAsync();
        await StandAsync(2);

        var killed = Stopwatch.GetTimestamp();
        child.Signal(Signal.Kill);
        await work.WorksAsync();

        // Not at once: what is left of a lease that was renewed a third of it ago, less what a busy machine was late with that renewal.
        Assert.True(Stopwatch.GetElapsedTime(killed) > TimeSpan.FromSeconds(ShortTtlSeconds) / 4, $"replaced after {Stopwatch.GetElapsedTime(killed)}, before its lease could end");
    }

    [Fact]
    public async Task A_process_that_stood_still_past_its_lease_ends_its_work_and_campaigns_again()
    {
        using var child = NewChild(ShortTtlSeconds);
        await child.LineAsync("works");
        var work = new HostedWork("second");
        var host = NewHost(work);
        await host.StartAsync();
        await StandAsync(2);

        child.Signal(Signal.Stop);
        var leadership = await work.WorksAsync();
        child.Signal(Signal.Continue);
        await child.LineAsync("stopped, held False");
        Assert.True(leadership.IsHeld);

        await StandAsync(2);
        await host.StopAsync();
        await UntilAsync("the child works again", () => child.Output.Split('\n').Count(line => line.StartsWith("works", StringComparison.Ordinal)) == 2);
    }

    [Fact]
    public async Task A_leader_outlives_a_restart_of_the_server()
    {
        var work = new HostedWork("only");
        await NewHost(work).StartAsync();
        var leadership = await work.WorksAsync();
        await _server.KillAsync();
        await _server.StartAsync();
        await UntilAsync("the server knows the leader", async () => (await StandingAsync()) == 1);
        Assert.True(leadership.IsHeld);
    }

    [Fact]
    public async Task A_host_told_not_to_ask_starts_without_a_server_and_leads_when_it_comes()
    {
        await _server.KillAsync();
        var work = new HostedWork("only");
        await NewHost(work, e => e.Configure(options => options.ConnectAttempts = 0)).StartAsync().WaitAsync(Deadline);
        await _server.StartAsync();
        await work.WorksAsync();
    }

    [Fact]
    public async Task Without_a_server_the_process_ends_with_an_error_that_names_the_option()
    {
        using var child = NewChild(ShortTtlSeconds, "unix:///nowhere/client:1");
        var line = await child.LineAsync("Election billing/dialer: no connection after 2 attempts");
        Assert.Contains("Conclave:Elections:billing/dialer:ConnectAttempts", line, StringComparison.Ordinal);
        await child.ExitAsync();
        Assert.Equal(1, child.ExitCode);
    }

    [Fact]
    public async Task Many_elections_of_a_host_share_one_connection_and_one_lease_which_ends_with_the_host()
    {
        const int Elections = 300;
        var works = Enumerable.Range(0, Elections).Select(number => new HostedWork($"value-{number}")).ToArray();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        for (var number = 0; number < Elections; number++)
        {
            var name = $"many-{number}";
            builder.Services.AddKeyedSingleton(name, works[number]);
            builder.Services.AddLeaderElection(name, e => e.UseEtcd(_server.Endpoint).AddLeaderService<HostedWork.Service>());
        }

        var host = builder.Build();
        await host.StartAsync().WaitAsync(Deadline);
        var leaderships = await Task.WhenAll(works.Select(work => work.WorksAsync()));
        Assert.Equal(1, host.Services.GetRequiredService<EtcdSessions>().Count);
        Assert.Equal(1, await LeasesAsync());

        await host.StopAsync();
        Assert.All(leaderships, leadership => Assert.Equal(LossReason.Resigned, leadership.LossReason));
        await ((IAsyncDisposable)host).DisposeAsync();
        Assert.Equal(0, await LeasesAsync());
    }

    [Fact]
    public async Task A_container_that_is_disposed_synchronously_gives_back_in_the_background_what_it_held()
    {
        // Longer than anything here waits: what goes away was given back.
        var lease = new LeaseOptions { Ttl = TimeSpan.FromMinutes(10) };
        var provider = new ServiceCollection().AddLeaderElection(Election, e => e.UseEtcd(_server.Endpoint).Configure(options => options.Lease = lease)).Services.BuildServiceProvider();
        var leadership = await ElectedAsync(provider.GetRequiredKeyedService<ILeaderElection>(Election));

        provider.Dispose();

        Assert.True(leadership.Lost.IsCancellationRequested);
        await UntilAsync("nobody stands", async () => await StandingAsync() == 0);
        await UntilAsync("the lease is revoked", async () => await LeasesAsync() == 0);
    }

    private IHost NewHost(HostedWork work, Action<LeaderElectionBuilder>? more = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            // Found in the configuration, as in production; the child has it from code.
            [$"Conclave:Elections:{Election}:Etcd:Endpoints:0"] = _server.Endpoint,
            [$"Conclave:Elections:{Election}:Lease:Ttl"] = $"{LongTtlSeconds}s",
            [$"Conclave:Elections:{Election}:Value"] = work.Name,
        });
        builder.Services.AddSingleton(work);
        builder.Services.AddLeaderElection(Election, e =>
        {
            e.UseEtcd().AddLeaderService<HostedWork.Service>();
            more?.Invoke(e);
        });
        var host = builder.Build();
        _hosts.Add(host);
        return host;
    }

    private RunningProcess NewChild(int ttlSeconds, string? endpoint = null) => new(
        Environment.ProcessPath!,
        [typeof(Candidate).Assembly.Location, HostedCandidate.Word, endpoint ?? _server.Endpoint, Election, ttlSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture)],
        _server.Folder);

    private Task StandAsync(int candidates) => UntilAsync($"{candidates} stand", async () => await StandingAsync() == candidates);

    private async Task<long> StandingAsync()
    {
        await using var client = NewClient();
        return (await client.RangeAsync(new ElectionKeys(Election).All())).Count;
    }

    private async Task<int> LeasesAsync()
    {
        await using var client = NewClient();
        return (await client.LeaseLeasesAsync()).Leases.Count;
    }

    private static DebianEtcd NewServer() => new();

    private EtcdClient NewClient() => new(new EtcdClientOptions { Endpoints = [_server.Endpoint] });
}

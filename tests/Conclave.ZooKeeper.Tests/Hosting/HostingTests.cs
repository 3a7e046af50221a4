using System.Diagnostics;
using Conclave.Contract;
using Conclave.ZooKeeper.Wire;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Conclave.ZooKeeper.Tests.Hosting;

/// <summary>Generic hosts against a real ZooKeeper.</summary>
public sealed class HostingTests(ZooKeeperServer server) : IClassFixture<ZooKeeperServer>, IAsyncLifetime
{
    private const string Ttl = "20s";

    private readonly ElectionBench _bench = new(server, $"hosting/{Guid.NewGuid():n}");
    private readonly List<IHost> _hosts = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var host in Enumerable.Reverse(_hosts))
        {
            await host.StopAsync();
            await ((IAsyncDisposable)host).DisposeAsync();
        }

        await _bench.DisposeAsync();
    }

    [ZooKeeperFact]
    public async Task Of_two_hosts_one_works_and_when_it_stops_the_other_does_long_before_the_session_would_end()
    {
        var (first, second) = (new HostedWork("first"), new HostedWork("second"));
        var (leading, waiting) = (NewHost(first), NewHost(second));
        await leading.StartAsync();
        var old = await first.WorksAsync();
        await waiting.StartAsync();
        await _bench.UntilStandAsync(2);

        var stopped = Stopwatch.GetTimestamp();
        await leading.StopAsync();
        var next = await second.WorksAsync();

        Assert.True(Stopwatch.GetElapsedTime(stopped) < TimeSpan.FromSeconds(10), $"the hand-over took {Stopwatch.GetElapsedTime(stopped)}");
        Assert.True(next.FencingToken > old.FencingToken);
        Assert.Equal(LossReason.Resigned, old.LossReason);
        var election = waiting.Services.GetRequiredKeyedService<ILeaderElection>(_bench.Election);
        Assert.Equal(new Leader("second", next.FencingToken), await election.GetLeaderAsync(default));
    }

    [ZooKeeperFact]
    public async Task Many_elections_of_a_host_share_one_session_which_ends_with_the_host()
    {
        var names = Enumerable.Range(0, 100).Select(number => $"{_bench.Election}/many-{number}").ToArray();
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        foreach (var name in names)
        {
            builder.Services.AddKeyedSingleton(name, new HostedWork(name));
            builder.Services.AddLeaderElection(name, e => e.UseZooKeeper(server.Address).AddLeaderService<HostedWork.Service>());
        }

        var host = builder.Build();
        await host.StartAsync().WaitAsync(Awaited.Deadline);
        var leaderships = await Task.WhenAll(names.Select(name => host.Services.GetRequiredKeyedService<HostedWork>(name).WorksAsync()));
        Assert.Equal(1, host.Services.GetRequiredService<ZooKeeperClients>().Count);
        var owners = await Task.WhenAll(names.Select(OwnerAsync));
        Assert.NotEqual(0, Assert.Single(owners.Distinct()));

        await host.StopAsync();
        await ((IAsyncDisposable)host).DisposeAsync();
        Assert.All(leaderships, leadership => Assert.Equal(LossReason.Resigned, leadership.LossReason));
        await Assert.AllAsync(names, async name => Assert.Empty((await _bench.AskAsync(new GetChildrenRequest("/" + name))).Names));
    }

    [ZooKeeperFact]
    public async Task A_container_that_is_disposed_synchronously_gives_back_in_the_background_what_it_held()
    {
        var lease = new LeaseOptions { Ttl = TimeSpan.FromSeconds(20) };
        var provider = new ServiceCollection().AddLeaderElection(_bench.Election, e => e.UseZooKeeper(server.Address).Configure(options => options.Lease = lease)).Services.BuildServiceProvider();
        var leadership = await Awaited.ElectedAsync(provider.GetRequiredKeyedService<ILeaderElection>(_bench.Election));
        await _bench.UntilStandAsync(1);

        var disposed = Stopwatch.GetTimestamp();
        provider.Dispose();

        Assert.True(leadership.Lost.IsCancellationRequested);
        await _bench.UntilStandAsync(0);
        Assert.True(Stopwatch.GetElapsedTime(disposed) < lease.Ttl, $"it was given back after {Stopwatch.GetElapsedTime(disposed)}, when the session had ended");
    }

    private async Task<long> OwnerAsync(string election)
    {
        var node = Assert.Single((await _bench.AskAsync(new GetChildrenRequest("/" + election))).Names);
        return (await _bench.AskAsync(new GetDataRequest($"/{election}/{node}", Watch: false))).Stat.EphemeralOwner;
    }

    private IHost NewHost(HostedWork work)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            [$"Conclave:Elections:{_bench.Election}:ZooKeeper:Servers"] = server.Address,
            [$"Conclave:Elections:{_bench.Election}:Lease:Ttl"] = Ttl,
            [$"Conclave:Elections:{_bench.Election}:Value"] = work.Name,
        });
        builder.Services.AddSingleton(work);
        builder.Services.AddLeaderElection(_bench.Election, e => e.UseZooKeeper().AddLeaderService<HostedWork.Service>());
        var host = builder.Build();
        _hosts.Add(host);
        return host;
    }
}

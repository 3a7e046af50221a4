using Conclave.Contract;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using static Conclave.Contract.Awaited;

namespace Conclave.Peers.Tests;

/// <summary>Peers in a generic host: options, lives, hand-over.</summary>
public sealed class HostingTests
{
    private const string Election = "billing/dialer";

    [Fact]
    public async Task Hosts_elect_among_themselves_and_a_stopped_one_hands_over()
    {
        await using var peers = new TestPeers(3);
        using var hosts = new Hosts(peers);
        await Task.WhenAll(hosts.All.Select(host => host.StartAsync()));
        await UntilAsync("one works", () => Task.FromResult(hosts.Working.Count == 1));
        var first = hosts.Working[0];
        await hosts.All[first].StopAsync();
        await UntilAsync("another works", () => Task.FromResult(hosts.Working is [var one] && one != first));
        foreach (var host in hosts.All)
            await host.StopAsync();
        Assert.Empty(hosts.Working);
    }

    [Fact]
    public async Task Options_come_from_the_configuration_and_elections_with_one_directory_share_a_member()
    {
        await using var peers = new TestPeers(1);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        foreach (var election in new[] { "one", "two" })
        {
            builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
            {
                [$"Conclave:Elections:{election}:Peers:Name"] = "m0",
                [$"Conclave:Elections:{election}:Peers:Peers:0"] = peers.Options(0).Peers[0],
                [$"Conclave:Elections:{election}:Peers:Directory"] = peers.DirectoryOf(0),
                [$"Conclave:Elections:{election}:Peers:ElectionTimeout"] = "600ms",
                [$"Conclave:Elections:{election}:Peers:HeartbeatInterval"] = "60ms",
            });
            builder.Services.AddLeaderElection(election, e => e.UsePeers());
        }

        using var host = builder.Build();
        await host.StartAsync();
        var group = Assert.Single(host.Services.GetRequiredService<PeerGroups>().All);
        Assert.Equal(TimeSpan.FromMilliseconds(600), group.Options.ElectionTimeout);
        await using var one = await ElectedAsync(host.Services.GetRequiredKeyedService<ILeaderElection>("one"));
        await using var two = await ElectedAsync(host.Services.GetRequiredKeyedService<ILeaderElection>("two"));
        Assert.Equal(1, await group.ReadAsync(applier => applier.Leases.Count, default));
        await host.StopAsync();
        Assert.False(one.IsHeld || two.IsHeld);
    }

    [Fact]
    public async Task A_container_that_is_disposed_synchronously_loses_what_it_held_and_ends_its_member_in_the_background()
    {
        await using var peers = new TestPeers(1);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddLeaderElection(Election, e => e.UsePeers(options => (options.Name, options.Peers, options.Directory) = ("m0", peers.Options(0).Peers, peers.DirectoryOf(0))));
        var host = builder.Build();
        await host.StartAsync();
        var group = Assert.Single(host.Services.GetRequiredService<PeerGroups>().All);
        var leadership = await ElectedAsync(host.Services.GetRequiredKeyedService<ILeaderElection>(Election));

        ((IDisposable)host.Services).Dispose();

        Assert.True(leadership.Lost.IsCancellationRequested);
        await group.DisposeAsync().AsTask().WaitAsync(Deadline); // begun already: this waits for its end
    }

    [Theory]
    [InlineData("Peers:Name", "m7", "Conclave:Elections:one:Peers:Name is 'm7', which is not among Peers")]
    [InlineData("Peers:Nmae", "m0", "Conclave:Elections:one:Peers:Nmae is not an option")]
    [InlineData("Peers:ElectionTimeout", "1", "write a duration with its unit")]
    public async Task A_mistake_in_the_configuration_stops_the_start(string key, string value, string problem)
    {
        await using var peers = new TestPeers(1);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Conclave:Elections:one:Peers:Name"] = "m0",
            ["Conclave:Elections:one:Peers:Peers:0"] = peers.Options(0).Peers[0],
            ["Conclave:Elections:one:Peers:Directory"] = peers.DirectoryOf(0),
            [$"Conclave:Elections:one:{key}"] = value,
        });
        builder.Services.AddLeaderElection("one", e => e.UsePeers());
        using var host = builder.Build();
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Contains(problem, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Elections_that_share_a_directory_must_agree()
    {
        await using var peers = new TestPeers(1);
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddLeaderElection("one", e => e.UsePeers(options => Set(options, peers, 0)));
        builder.Services.AddLeaderElection("two", e => e.UsePeers(options =>
        {
            Set(options, peers, 0);
            options.FastPreVote = true;
        }));
        using var host = builder.Build();
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Contains("is that of one, with other settings", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_member_that_cannot_go_on_stops_its_host()
    {
        await using var peers = new TestPeers(3);
        var (one, _) = (await peers.JoinAsync(0), await peers.JoinAsync(1));
        var third = await peers.JoinAsync(2);
        await (await ElectedAsync(third.Election(Election))).DisposeAsync();
        await third.DisposeAsync();
        Directory.Delete(peers.DirectoryOf(2), recursive: true);

        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddLeaderElection(Election, e => e.UsePeers(options => Set(options, peers, 2)).Configure(options => options.ConnectAttempts = 0));
        using var host = builder.Build();
        var stopping = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(stopping.SetResult);
        await host.StartAsync();
        await stopping.Task.WaitAsync(Deadline);
        await host.StopAsync();

        // The two that are left go on.
        await (await ElectedAsync(one.Election(Election))).DisposeAsync();
    }

    private static void Set(PeerGroupOptions options, TestPeers peers, int member)
    {
        var wanted = peers.Options(member);
        (options.Name, options.Peers, options.Directory) = (wanted.Name, wanted.Peers, wanted.Directory);
        (options.ElectionTimeout, options.HeartbeatInterval) = (wanted.ElectionTimeout, wanted.HeartbeatInterval);
    }

    /// <summary>Three hosts of one service, in this process.</summary>
    private sealed class Hosts : IDisposable
    {
        private readonly bool[] _working = new bool[3];

        public Hosts(TestPeers peers) => All = [.. Enumerable.Range(0, 3).Select(member =>
        {
            var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
            builder.Services.AddSingleton(new Mark(working => Volatile.Write(ref _working[member], working)));
            builder.Services.AddLeaderElection(Election, e => e.UsePeers(options => Set(options, peers, member))).AddLeaderService<Work>();
            return builder.Build();
        })];

        public IReadOnlyList<IHost> All { get; }

        public IReadOnlyList<int> Working => [.. Enumerable.Range(0, 3).Where(member => Volatile.Read(ref _working[member]))];

        public void Dispose()
        {
            foreach (var host in All)
                host.Dispose();
        }
    }

    private sealed record Mark(Action<bool> Set);

    private sealed class Work(Mark mark) : LeaderBackgroundService
    {
        protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            mark.Set(true);
            try
            {
                await Task.Delay(Timeout.Infinite, stoppingToken);
            }
            finally
            {
                mark.Set(false);
            }
        }
    }
}

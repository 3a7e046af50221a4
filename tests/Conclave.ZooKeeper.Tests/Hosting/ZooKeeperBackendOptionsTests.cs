using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Conclave.ZooKeeper.Tests.Hosting;

public sealed class ZooKeeperBackendOptionsTests
{
    private const string Section = "Conclave:Elections:jobs";

    [Theory]
    [InlineData("ZooKeeper:Servers", "", "ZooKeeper:Servers is empty: name at least one")]
    [InlineData("ZooKeeper:Servers", "http://host:1", "ZooKeeper:Servers: 'http://host:1'")]
    [InlineData("ZooKeeper:Server", "host:1", "ZooKeeper:Server is not an option. Known: AnswerTimeout, Credentials")]
    [InlineData("ZooKeeper:AnswerTimeout", "4s", "ZooKeeper:AnswerTimeout is 00:00:04: must be above zero and at most a third of Lease:Ttl")]
    [InlineData("ZooKeeper:AnswerTimeout", "-1s", "ZooKeeper:AnswerTimeout is -00:00:01")]
    [InlineData("ZooKeeper:Credentials", "secret", "ZooKeeper:Credentials must be 'name:password'")]
    [InlineData("ZooKeeper:NodeNames", "Ours", "ZooKeeper:NodeNames is 'Ours': choose one of Kazoo, CuratorLeaderLatch, CuratorLeaderSelector")]
    [InlineData("ZooKeeper:NodeNames", "7", "ZooKeeper:NodeNames is '7': choose one of Kazoo")]
    [InlineData("ZooKeeper:WithdrawTimeout", "soon", "ZooKeeper:WithdrawTimeout is 'soon': write a duration")]
    [InlineData("ZooKeeper:WithdrawTimeout", "0s", "ZooKeeper:WithdrawTimeout is 00:00:00: must be above zero")]
    [InlineData("ZooKeeper:TryTimeout", "0ms", "ZooKeeper:TryTimeout is 00:00:00: must be above zero")]
    [InlineData("Lease:StopMargin", "3s", "Lease:StopMargin is 00:00:03: in ZooKeeper a leader stops a third")]
    public async Task A_bad_option_fails_the_start_with_one_error_that_names_it(string key, string value, string problem)
    {
        using var host = NewHost("jobs", e => e.UseZooKeeper(), ($"{Section}:ZooKeeper:Servers", "a:2181"), ($"{Section}:Lease:Ttl", "6s"), ($"{Section}:{key}", value));
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        var told = Assert.Single(refused.Failures);
        Assert.StartsWith($"{Section}:{problem}", told, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", told, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a//b")]
    [InlineData("zookeeper")]
    public async Task A_name_that_is_no_path_is_refused(string name)
    {
        using var host = NewHost(name, e => e.UseZooKeeper("a:2181"));
        Assert.Contains("is no name for an election in ZooKeeper", (await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lease_too_short_for_a_session_is_refused()
    {
        using var host = NewHost("jobs", e => e.UseZooKeeper("a:2181").Configure(options => options.Lease = new LeaseOptions { Ttl = TimeSpan.FromMilliseconds(90), StopMargin = TimeSpan.Zero }));
        Assert.Contains("at least 100 ms", (await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_come_from_the_configuration_and_those_in_code_win()
    {
        using var host = NewHost("jobs", e => e.UseZooKeeper(options => options.Servers = ["code:1"]),
            ($"{Section}:ZooKeeper:Servers:0", "configuration:1"), ($"{Section}:ZooKeeper:NodeNames", "curatorleaderlatch"), ($"{Section}:ZooKeeper:Credentials", "billing:secret"),
            ($"{Section}:ZooKeeper:AnswerTimeout", "700ms"), ($"{Section}:ZooKeeper:WithdrawTimeout", "3s"), ($"{Section}:ZooKeeper:TryTimeout", "4s"));
        var options = host.Services.GetRequiredService<IOptionsMonitor<ZooKeeperBackendOptions>>().Get("jobs");
        Assert.Equal(["code:1"], options.Servers);
        Assert.Equal(ZooKeeperNodeNames.CuratorLeaderLatch, options.NodeNames);

        var client = options.ToClient(new LeaseOptions { Ttl = TimeSpan.FromSeconds(9), ClockRateMargin = 0.05 });
        Assert.Equal(
            new ZooKeeperClientOptions
            {
                Servers = client.Servers,
                SessionTimeout = TimeSpan.FromSeconds(9),
                ClockRateMargin = 0.05,
                AnswerTimeout = TimeSpan.FromMilliseconds(700),
                Credentials = "billing:secret",
                WithdrawTimeout = TimeSpan.FromSeconds(3),
                TryTimeout = TimeSpan.FromSeconds(4),
            },
            client);
    }

    [Fact]
    public async Task Elections_that_agree_share_a_client_and_those_that_do_not_have_their_own()
    {
        await using var clients = new ZooKeeperClients();
        var options = new ZooKeeperClientOptions { Servers = ["a:2181", "b:2181"] };
        var shared = clients.For(options);
        Assert.Same(shared, clients.For(options with { Servers = ["a:2181", "b:2181"] }));
        Assert.NotSame(shared, clients.For(options with { Servers = ["a:2181"] }));
        Assert.NotSame(shared, clients.For(options with { SessionTimeout = TimeSpan.FromSeconds(9) }));
        Assert.Equal(3, clients.Count);
    }

    private static IHost NewHost(string name, Action<LeaderElectionBuilder> configure, params (string Key, string Value)[] configuration)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        var pairs = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (key, value) in configuration)
            pairs[key] = value;
        builder.Configuration.AddInMemoryCollection(pairs);
        builder.Services.AddLeaderElection(name, configure);
        return builder.Build();
    }
}

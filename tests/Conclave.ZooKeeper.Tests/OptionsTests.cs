using Conclave.ZooKeeper.Wire;

namespace Conclave.ZooKeeper.Tests;

public sealed class OptionsTests
{
    [Fact]
    public void The_defaults_are_valid() => Default.Validate();

    public static TheoryData<string, ZooKeeperClientOptions> Invalid => new()
    {
        { nameof(ZooKeeperClientOptions.SessionTimeout), Default with { SessionTimeout = TimeSpan.Zero } },
        { nameof(ZooKeeperClientOptions.AnswerTimeout), Default with { AnswerTimeout = TimeSpan.FromSeconds(3) } },
        { nameof(ZooKeeperClientOptions.ClockRateMargin), Default with { ClockRateMargin = 1 } },
        { nameof(ZooKeeperClientOptions.Credentials), Default with { Credentials = "secret" } },
        { nameof(ZooKeeperClientOptions.WithdrawTimeout), Default with { WithdrawTimeout = TimeSpan.Zero } },
        { nameof(ZooKeeperClientOptions.TryTimeout), Default with { TryTimeout = TimeSpan.Zero } },
        { nameof(ZooKeeperClientOptions.RetryIntervalMin), Default with { RetryIntervalMin = TimeSpan.Zero } },
        { nameof(ZooKeeperClientOptions.RetryIntervalMax), Default with { RetryIntervalMin = TimeSpan.FromSeconds(2), RetryIntervalMax = TimeSpan.FromSeconds(1) } },
        { nameof(ZooKeeperClientOptions.ObserverQueueMax), Default with { ObserverQueueMax = 0 } },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public void What_makes_no_sense_is_refused_by_name_where_the_client_is_made(string option, ZooKeeperClientOptions options)
    {
        var refused = Assert.Throws<ArgumentOutOfRangeException>(() => new ZooKeeperClient(options));
        Assert.Equal(option, refused.ParamName);
        Assert.DoesNotContain("secret", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_client_without_servers_is_refused() =>
        Assert.Contains("Servers", Assert.Throws<ArgumentOutOfRangeException>(() => new ZooKeeperClient(Default with { Servers = [] })).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("zk-1", "zk-1", 2181)]
    [InlineData("zk-1:2182", "zk-1", 2182)]
    [InlineData("[::1]", "::1", 2181)]
    [InlineData("[::1]:2182", "::1", 2182)]
    public void A_server_is_a_host_and_perhaps_a_port(string text, string host, int port) => Assert.Equal(new ServerAddress(host, port), ServerAddress.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData(":2181")]
    [InlineData("zk-1:")]
    [InlineData("zk-1:0")]
    [InlineData("zk-1:65536")]
    [InlineData("zk-1:2181,zk-2:2181")]
    [InlineData("zk-1:2181/chroot")]
    [InlineData("http://zk-1:2181")]
    public void What_is_no_server_is_refused_and_shown(string text) =>
        Assert.Contains($"'{text}'", Assert.Throws<ArgumentException>(() => ServerAddress.Parse(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("jobs", "/jobs", new[] { "/jobs" })]
    [InlineData("billing/dialer", "/billing/dialer", new[] { "/billing", "/billing/dialer" })]
    [InlineData("Zoë's ☎", "/Zoë's ☎", new[] { "/Zoë's ☎" })]
    [InlineData("zookeepers", "/zookeepers", new[] { "/zookeepers" })]
    [InlineData("a.b/...", "/a.b/...", new[] { "/a.b", "/a.b/..." })]
    public void A_name_is_a_path_without_the_slash_in_front(string name, string path, string[] ancestry)
    {
        var election = ElectionPath.Of(name);
        Assert.Equal(path, election.Path);
        Assert.Equal(ancestry, election.Ancestry);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("/jobs")]
    [InlineData("jobs/")]
    [InlineData("a//b")]
    [InlineData("a/./b")]
    [InlineData("..")]
    [InlineData("zookeeper")]
    [InlineData("zookeeper/quota")]
    [InlineData("line\nbreak")]
    [InlineData("null\0")]
    [InlineData("\U0001F4DE")]
    [InlineData("a/0123__lock__0000000001")]
    public void A_name_that_is_no_path_is_refused(string name) => Assert.Throws<ArgumentException>(() => ElectionPath.Of(name));

    [Fact]
    public async Task A_name_or_a_value_that_is_too_long_is_refused_where_the_election_is_made()
    {
        await using var client = new ZooKeeperClient(Default);
        Assert.Throws<ArgumentException>(() => new ZooKeeperElection(client, new string('x', ElectionPath.NameLengthMax + 1)));
        Assert.Throws<ArgumentException>(() => new ZooKeeperElection(client, "jobs", new ZooKeeperElectionOptions { Value = new string('x', ZooKeeperElection.ValueBytesMax + 1) }));
    }

    [Theory]
    [InlineData((int)ErrorCode.NoAuth, "Credentials")]
    [InlineData((int)ErrorCode.SessionClosedRequireSaslAuth, "authenticated")]
    [InlineData((int)ErrorCode.Unimplemented, "3.6")]
    [InlineData((int)ErrorCode.QuotaExceeded, "QuotaExceeded")]
    public void A_refusal_is_told_with_its_remedy(int code, string remedy)
    {
        var told = ZooKeeperFault.ToElection("jobs", new ZooKeeperException((ErrorCode)code, "create /jobs"));
        Assert.IsType<ElectionException>(told);
        Assert.Contains(remedy, told.Message, StringComparison.Ordinal);
        Assert.Contains("create /jobs", told.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_answer_is_unavailable_and_no_refusal() =>
        Assert.IsType<ElectionUnavailableException>(ZooKeeperFault.ToElection("jobs", new ConnectionLostException("gone")));

    private static ZooKeeperClientOptions Default => new() { Servers = ["127.0.0.1:2181"] };
}

namespace Conclave.Peers.Tests;

/// <summary>Options that make no sense are refused before anything is started, with the option and the remedy.</summary>
public sealed class OptionsTests
{
    private static PeerGroupOptions Good => new() { Name = "a", Peers = ["a=127.0.0.1:7001", "b=localhost:7002", "c=[::1]:7003"], Directory = "here" };

    [Fact]
    public void Three_members_on_loopback_are_taken()
    {
        Assert.Empty(PeerGroupRules.Problems(Good));
        Assert.Null(PeerGroupRules.Doubt(Good));
    }

    public static TheoryData<string, Action<PeerGroupOptions>> Mistakes => new()
    {
        { "Name is empty", o => o.Name = "" },
        { "Name is 'd', which is not among Peers (a, b, c)", o => o.Name = "d" },
        { "Directory is empty", o => o.Directory = "" },
        { "Group is empty", o => o.Group = "" },
        { "Peers is empty", o => o.Peers = [] },
        { "Peers: 'b' is not name=host:port", o => o.Peers = ["a=127.0.0.1:7001", "b"] },
        { "Peers: 'b=127.0.0.1' is not name=host:port", o => o.Peers = ["a=127.0.0.1:7001", "b=127.0.0.1"] },
        { "Peers: 'b=127.0.0.1:70000' is not name=host:port", o => o.Peers = ["a=127.0.0.1:7001", "b=127.0.0.1:70000"] },
        { "Peers names a twice", o => o.Peers = ["a=127.0.0.1:7001", "a=127.0.0.1:7002"] },
        { "Peers: a and b have the same address", o => o.Peers = ["a=127.0.0.1:7001", "b=127.0.0.1:7001"] },
        { "Peers names 10 members", o => o.Peers = [.. Enumerable.Range(0, 10).Select(i => $"{(char)('a' + i)}=127.0.0.1:{7001 + i}")] },
        { "Peers: b is at 10.0.0.2, which other machines can reach without TLS", o => o.Peers = ["a=127.0.0.1:7001", "b=10.0.0.2:7001"] },
        { "Listen is 0.0.0.0:7001, which other machines can reach without TLS", o => o.Listen = "0.0.0.0:7001" },
        { "Listen is 'here'", o => o.Listen = "here" },
        { "HeartbeatInterval is", o => o.HeartbeatInterval = TimeSpan.Zero },
        { "ElectionTimeout is 00:00:00.3000000: must be at least five heartbeats", o => o.ElectionTimeout = TimeSpan.FromMilliseconds(300) },
        { "Lease: LeaseOptions.Ttl must be above zero", o => o.Lease = new LeaseOptions { Ttl = TimeSpan.Zero } },
        { "TryTimeout is", o => o.TryTimeout = TimeSpan.Zero },
        { "WithdrawTimeout is", o => o.WithdrawTimeout = TimeSpan.Zero },
        { "HistoryMax is 1", o => o.HistoryMax = 1 },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task A_mistake_is_named(string problem, Action<PeerGroupOptions> mistake)
    {
        var options = Good;
        mistake(options);
        Assert.Contains(PeerGroupRules.Problems(options), said => said.StartsWith(problem, StringComparison.Ordinal));
        await Assert.ThrowsAsync<ArgumentException>(() => PeerGroup.StartAsync(options));
    }

    [Fact]
    public void Beyond_this_host_is_allowed_when_said_so()
    {
        var options = Good;
        options.Peers = ["a=10.0.0.1:7001", "b=node-2:7001", "c=10.0.0.3:7001"];
        options.Insecure = true;
        Assert.Empty(PeerGroupRules.Problems(options));
    }

    [Theory]
    [InlineData(1, "one member")]
    [InlineData(2, "two members")]
    [InlineData(4, "4 members")]
    public void Groups_that_survive_less_than_one_would_think_are_warned_of(int members, string doubt)
    {
        var options = Good;
        options.Peers = [.. Enumerable.Range(0, members).Select(i => $"{(char)('a' + i)}=127.0.0.1:{7001 + i}")];
        Assert.Empty(PeerGroupRules.Problems(options));
        Assert.Contains(doubt, PeerGroupRules.Doubt(options), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_or_value_that_cannot_be_stored_is_refused()
    {
        await using var group = new PeerGroup(Good, loggers: null);
        Assert.Throws<ArgumentException>(() => group.Election("a\0b"));
        Assert.Throws<ArgumentException>(() => group.Election(" "));
        Assert.Throws<ArgumentException>(() => group.Election(new string('a', PeerElection.NameBytesMax + 1)));
        Assert.Throws<ArgumentException>(() => group.Election("a", new string('a', PeerElection.ValueBytesMax + 1)));
    }
}

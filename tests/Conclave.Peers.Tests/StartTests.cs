using System.Net;
using System.Net.Sockets;
using Conclave.Contract;
using static Conclave.Contract.Awaited;
using static Conclave.Peers.Tests.TestPeers;

namespace Conclave.Peers.Tests;

/// <summary>What keeps a member from taking part, each said in one clear error.</summary>
public sealed class StartTests
{
    [Fact]
    public async Task A_port_in_use_is_named()
    {
        await using var peers = new TestPeers(1);
        using var other = new TcpListener(IPAddress.Loopback, peers.PortOf(0));
        other.Start();
        var refused = await Assert.ThrowsAsync<ElectionException>(() => peers.JoinAsync(0));
        Assert.Contains($"127.0.0.1:{peers.PortOf(0)}", refused.Message, StringComparison.Ordinal);
        Assert.Contains("in use", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_that_another_process_holds_is_refused()
    {
        await using var peers = new TestPeers(2);
        await peers.JoinAsync(0);
        var options = peers.Options(1);
        options.Directory = peers.DirectoryOf(0);
        Assert.Contains("another process holds Directory", (await Assert.ThrowsAsync<ElectionException>(() => PeerGroup.StartAsync(options))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_directory_of_another_member_or_group_is_refused()
    {
        await using var peers = new TestPeers(3);
        await (await peers.JoinAsync(0)).DisposeAsync();
        var member = peers.Options(1);
        member.Directory = peers.DirectoryOf(0);
        Assert.Contains("belongs to another member or group", (await Assert.ThrowsAsync<ElectionException>(() => PeerGroup.StartAsync(member))).Message, StringComparison.Ordinal);
        var group = peers.Options(0);
        group.Group = "another";
        Assert.Contains("belongs to another member or group", (await Assert.ThrowsAsync<ElectionException>(() => PeerGroup.StartAsync(group))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_member_whose_directory_was_emptied_ends_and_does_not_vote()
    {
        await using var peers = new TestPeers(3);
        var (one, two) = (await peers.JoinAsync(0), await peers.JoinAsync(1));
        var three = await peers.JoinAsync(2);
        await (await ElectedAsync(three.Election("e"))).DisposeAsync();
        await three.DisposeAsync();
        Directory.Delete(peers.DirectoryOf(2), recursive: true);

        var emptied = await peers.JoinAsync(2);
        var ended = await Assert.ThrowsAnyAsync<Exception>(() => emptied.Completion.WaitAsync(Deadline));
        Assert.Contains("emptied or replaced", ended.Message, StringComparison.Ordinal);
        var refused = await Assert.ThrowsAsync<ElectionException>(() => emptied.Election("e").CampaignAsync(default));
        Assert.Contains("has ended", refused.Message, StringComparison.Ordinal);

        // The others go on.
        await using var leadership = await ElectedAsync(one.Election("e"));
        await UntilAsync("both know who coordinates", () => two.Coordinator is not null);
    }

    [Fact]
    public async Task A_group_of_one_elects_and_its_tokens_grow_over_restarts()
    {
        await using var peers = new TestPeers(1);
        var last = default(FencingToken);
        for (var life = 0; life < 3; life++)
        {
            await using var group = await peers.JoinAsync(0);
            await using var leadership = await ElectedAsync(group.Election("e"));
            Assert.True(leadership.FencingToken > last);
            Assert.Equal("m0", group.Coordinator);
            last = leadership.FencingToken;
        }
    }

    [Fact]
    public async Task Many_elections_share_one_lease()
    {
        await using var peers = new TestPeers(1);
        await using var group = await peers.JoinAsync(0);
        var elections = Enumerable.Range(0, 500).Select(i => group.Election($"e/{i}", "m0", Patient)).ToList();
        var leaderships = await Task.WhenAll(elections.Select(ElectedAsync));
        Assert.Equal(1, await group.ReadAsync(applier => applier.Leases.Count, default));
        Assert.Equal(500, leaderships.Select(leadership => leadership.FencingToken).Distinct().Count());
        Assert.All(leaderships, leadership => Assert.True(leadership.IsHeld));
    }

    [Fact]
    public async Task History_is_bounded()
    {
        await using var peers = new TestPeers(1);
        var options = peers.Options(0);
        options.HistoryMax = 100;
        await using var group = await PeerGroup.StartAsync(options);
        var election = group.Election("e", "m0", Patient);
        for (var turn = 0; turn < 150; turn++)
            await (await ElectedAsync(election)).DisposeAsync();
        await UntilAsync("old changes are given up", () => group.ReadAsync(applier => applier.Store.Compacted.Value > 0, default));
        await using var leadership = await ElectedAsync(election);
        Assert.True(leadership.IsHeld);
    }
}

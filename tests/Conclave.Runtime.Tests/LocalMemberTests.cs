using Conclave.Consensus;
using Conclave.Runtime.Disk;
using Conclave.Store;

namespace Conclave.Runtime.Tests;

public sealed class LocalMemberTests
{
    [Fact]
    public async Task Three_members_elect_write_and_read_at_each()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAsync();
        await cluster.LeaderAsync();
        for (var i = 0; i < 3; i++)
            await cluster.PutAsync(i, $"from-{i}", $"{i}");
        for (var at = 0; at < 3; at++)
        {
            for (var i = 0; i < 3; i++)
                Assert.Equal($"{i}", await cluster.GetAsync(at, $"from-{i}"));
        }
    }

    [Fact]
    public async Task The_others_go_on_when_the_leader_dies_and_it_catches_up_when_it_returns()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAsync();
        var old = await cluster.LeaderAsync();
        await cluster.PutAsync(old, "a", "1");
        await cluster.StopAsync(old);
        var next = await cluster.LeaderAsync();
        Assert.NotEqual(old, next);

        // Noticed by the refused reconnect, not waited for.
        Assert.Contains(cluster.Lines, line => line.Contains("refuses connections", StringComparison.Ordinal));
        await cluster.PutAsync(next, "a", "2");
        await cluster.StartAsync(old);
        Assert.Equal("2", await cluster.GetAsync(old, "a"));
    }

    [Fact]
    public async Task Everything_is_there_after_all_were_down()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAsync();
        for (var i = 0; i < 100; i++)
            await cluster.PutAsync(i % 3, $"k{i}", $"{i}");
        for (var i = 0; i < 3; i++)
            await cluster.StopAsync(i);
        await cluster.StartAsync();
        for (var i = 0; i < 100; i++)
            Assert.Equal($"{i}", await cluster.GetAsync(i % 3, $"k{i}"));
    }

    [Fact]
    public async Task A_member_that_is_far_behind_gets_a_snapshot()
    {
        await using var cluster = new TestCluster(3) { Configure = o => o with { SnapshotEntries = 50, TrailingEntries = 10, SnapshotChunkBytes = 4_096, SnapshotLogBytes = 100_000 } };
        await cluster.StartAsync();
        var leader = await cluster.LeaderAsync();
        var late = (leader + 1) % 3;
        await cluster.StopAsync(late);
        for (var i = 0; i < 300; i++)
            await cluster.PutAsync(leader, $"k{i}", new string('v', 500));
        await cluster.StartAsync(late);
        Assert.Equal(new string('v', 500), await cluster.GetAsync(late, "k0"));
        Assert.True(cluster.Up[late]!.Status.Snapshot.Value > 0);
    }

    [Fact]
    public async Task A_directory_in_use_is_refused()
    {
        await using var cluster = new TestCluster(1);
        await cluster.StartAsync();
        var refusal = await Assert.ThrowsAsync<DirectoryInUseException>(() => LocalMember.StartAsync(cluster.Options(0)));
        Assert.Equal(cluster.DirectoryOf(0), refusal.Directory);
    }

    [Fact]
    public async Task A_directory_of_another_cluster_is_refused_and_left_alone()
    {
        await using var cluster = new TestCluster(1);
        await cluster.StartAsync();
        await cluster.PutAsync(0, "a", "1");
        await cluster.StopAsync(0);
        await Assert.ThrowsAsync<ForeignDirectoryException>(() => LocalMember.StartAsync(cluster.Options(0) with { Cluster = new ClusterId(1) }));
        await cluster.StartAsync();
        Assert.Equal("1", await cluster.GetAsync(0, "a"));
    }

    [Fact]
    public async Task A_member_without_a_quorum_confirms_no_read_but_shows_what_it_has()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAsync();
        var leader = await cluster.LeaderAsync();
        await cluster.PutAsync(leader, "a", "1");
        await cluster.StopAsync((leader + 1) % 3);
        await cluster.StopAsync((leader + 2) % 3);
        await Assert.ThrowsAsync<ReadNotConfirmedException>(() => cluster.GetAsync(leader, "a"));
        Assert.Equal("1", await cluster.GetAsync(leader, "a", linearizable: false));
    }

    [Fact]
    public async Task A_lease_is_renewed_through_a_follower()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAsync();
        var leader = await cluster.LeaderAsync();
        Assert.IsType<ProposalOutcome.Applied>(await cluster.Up[leader]!.ProposeAsync(new Command.GrantLease(new LeaseId(5), 30)));
        Assert.Equal(new RenewalOutcome.Renewed(30), await cluster.Up[(leader + 1) % 3]!.RenewLeaseAsync(new LeaseId(5)));
        Assert.IsType<RenewalOutcome.Gone>(await cluster.Up[(leader + 2) % 3]!.RenewLeaseAsync(new LeaseId(6)));
    }

    [Fact]
    public async Task Members_tell_each_other_where_clients_reach_them()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAsync();
        await cluster.LeaderAsync();
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (await cluster.Up[0]!.ReadAsync(linearizable: true, a => a.Members.Count, limit.Token) < 3)
            await Task.Yield();
        var urls = await cluster.Up[0]!.ReadAsync(linearizable: true, a => a.Members[cluster.Up[2]!.Id].ClientUrls.ToArray(), limit.Token);
        Assert.Equal(["http://127.0.0.1:2"], urls);
    }

    [Fact]
    public async Task A_stopped_member_leaves_nobody_without_an_answer()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAsync(0);
        var proposal = cluster.Up[0]!.ProposeAsync(new Command.Compact(new Revision(1)));
        var read = cluster.Up[0]!.ReadAsync(linearizable: true, a => a.Store.Current);
        var member = cluster.Up[0]!;
        await cluster.StopAsync(0);
        Assert.IsNotType<ProposalOutcome.Applied>(await proposal.WaitAsync(TimeSpan.FromSeconds(30)));
        await Assert.ThrowsAsync<ReadNotConfirmedException>(() => read.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.IsType<ProposalOutcome.NotLeader>(await member.ProposeAsync(new Command.Compact(new Revision(1))));
    }
}

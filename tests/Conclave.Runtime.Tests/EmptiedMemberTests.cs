using Conclave.Store;

namespace Conclave.Runtime.Tests;

/// <summary>docs/protocols/raft.md, "A lost disk".</summary>
public sealed class EmptiedMemberTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// 1. A write is acknowledged by the leader and one follower; the third is down. 2. The leader goes, and the follower loses its disk. 3. The third comes back. With the emptied
    /// follower, which to all appearances is new, it would be a majority that has never heard of the write.
    /// </summary>
    [Fact]
    public async Task An_emptied_member_does_not_help_to_elect_a_leader_that_lacks_an_acknowledged_write()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAsync();
        var leader = await cluster.LeaderAsync();
        var (emptied, behind) = ((leader + 1) % 3, (leader + 2) % 3);
        await cluster.PutAsync(behind, "before", "1"); // all have met
        await cluster.StopAsync(behind);
        await cluster.PutAsync(leader, "acknowledged", "1");
        await cluster.StopAsync(leader);
        await EmptyAsync(cluster, emptied);

        await cluster.StartAsync(behind, emptied);
        var refusal = await Assert.ThrowsAsync<DirectoryReplacedException>(() => cluster.Up[emptied]!.Completion.WaitAsync(Patience));
        Assert.Equal((cluster.Up[emptied]!.Id, cluster.Up[behind]!.Id), (refusal.Member, refusal.KnownBy));
        await cluster.StopAsync(emptied);
        await cluster.StartAsync(leader);
        Assert.Equal("1", await cluster.GetAsync(behind, "acknowledged"));
    }

    [Fact]
    public async Task Who_has_never_met_a_member_recognises_it_as_emptied_by_what_others_tell()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAsync(0, 1);
        await cluster.PutAsync(0, "acknowledged", "1");
        await EmptyAsync(cluster, 1);
        await cluster.StartAsync(2);
        Assert.Equal("1", await cluster.GetAsync(2, "acknowledged"));
        await cluster.StopAsync(0);

        await cluster.StartAsync(1);
        var refusal = await Assert.ThrowsAsync<DirectoryReplacedException>(() => cluster.Up[1]!.Completion.WaitAsync(Patience));
        Assert.Equal(cluster.Up[2]!.Id, refusal.KnownBy);
    }

    [Fact]
    public async Task A_member_that_comes_for_the_first_time_late_takes_part()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAsync(0, 1);
        await cluster.PutAsync(0, "a", "1");
        await cluster.StartAsync(2);
        Assert.Equal("1", await cluster.GetAsync(2, "a"));
        await cluster.StopAsync(await cluster.LeaderAsync());
        await cluster.LeaderAsync();
        await cluster.PutAsync(2, "a", "2");
    }

    [Fact]
    public async Task The_remedy_lets_an_emptied_member_in_again()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAsync();
        var leader = await cluster.LeaderAsync();
        var (emptied, other) = ((leader + 1) % 3, (leader + 2) % 3);
        await cluster.PutAsync(leader, "a", "1");
        var id = cluster.Up[emptied]!.Id;
        await EmptyAsync(cluster, emptied);
        await cluster.StartAsync(emptied);
        var refusal = await Assert.ThrowsAsync<DirectoryReplacedException>(() => cluster.Up[emptied]!.Completion.WaitAsync(Patience));
        await cluster.StopAsync(emptied);
        Assert.Contains($"peers/{id}", refusal.Message, StringComparison.Ordinal);

        // Word for word what the message says.
        File.Delete(Path.Combine(cluster.DirectoryOf(leader), "peers", $"{id}"));
        File.Delete(Path.Combine(cluster.DirectoryOf(other), "peers", $"{id}"));
        await cluster.StopAsync(leader);
        await cluster.StartAsync(leader);
        await cluster.LeaderAsync();
        await cluster.StartAsync(emptied);
        Assert.Equal("1", await cluster.GetAsync(emptied, "a"));
        await cluster.StopAsync(other);
        await cluster.LeaderAsync();
        await cluster.PutAsync(emptied, "a", "2");
    }

    [Fact]
    public async Task Members_stay_known_over_restarts_of_all()
    {
        await using var cluster = new TestCluster(3);
        await cluster.StartAsync();
        await cluster.PutAsync(0, "a", "1");
        for (var i = 0; i < 3; i++)
            await cluster.StopAsync(i);
        await cluster.StartAsync();
        Assert.Equal("1", await cluster.GetAsync(2, "a"));
    }

    [Fact]
    public async Task A_directory_whose_log_was_deleted_is_refused()
    {
        await using var cluster = new TestCluster(1);
        await cluster.StartAsync();
        await cluster.LeaderAsync();
        await cluster.StopAsync(0);
        foreach (var segment in Directory.GetFiles(Path.Combine(cluster.DirectoryOf(0), "wal"), "*.wal"))
            File.Delete(segment);
        await Assert.ThrowsAsync<DamagedFileException>(() => cluster.StartAsync(0));
    }

    private static async Task EmptyAsync(TestCluster cluster, int member)
    {
        await cluster.StopAsync(member);
        Directory.Delete(cluster.DirectoryOf(member), recursive: true);
    }
}

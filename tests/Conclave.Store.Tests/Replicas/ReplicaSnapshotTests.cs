using Conclave.Consensus;
using Conclave.Consensus.Raft;

namespace Conclave.Store.Tests.Replicas;

public sealed class ReplicaSnapshotTests
{
    [Fact]
    public void Log_and_snapshots_stay_bounded_and_a_restart_needs_no_more_than_they_hold()
    {
        var cluster = Small();
        var leader = cluster.Elect();
        for (var i = 0; i < 500; i++)
            cluster.Put(leader, $"k{i % 7}", new string('x', 50) + i);
        foreach (var id in cluster.Ids)
        {
            Assert.True(cluster.Up[id].Status.LogBytes < 40_000);
            Assert.Equal(2, cluster.Disks[id].Paths.Count(p => p.EndsWith(".snapshot", StringComparison.Ordinal)));
        }

        foreach (var id in cluster.Ids)
            cluster.PowerCut(id);
        foreach (var id in cluster.Ids)
            cluster.Start(id);
        leader = cluster.Elect();
        Assert.EndsWith("x499", cluster.Get(leader, "k2"), StringComparison.Ordinal);
        Assert.Equal(501, cluster.Up[leader].Status.Revision.Value);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(2)]
    public void A_member_that_is_too_far_behind_gets_a_snapshot_also_when_pieces_get_lost(int loseEvery)
    {
        var cluster = Small();
        var leader = cluster.Elect();
        var late = ReplicaTests.Other(cluster, leader);
        cluster.PowerCut(late);
        for (var i = 0; i < 300; i++)
            cluster.Put(leader, $"k{i}", new string('v', 40));
        var chunks = 0;
        cluster.Delivers = (_, _, m) => m is not (PeerMessage.SnapshotChunk or PeerMessage.SnapshotAck) || loseEvery == 0 || ++chunks % loseEvery != 0;
        cluster.Start(late);
        cluster.Until(() => cluster.Up[late].Status.Applied == cluster.Up[leader].Status.Applied, "the late member has caught up");
        Assert.Equal(new string('v', 40), cluster.Get(late, "k0"));
        Assert.True(cluster.Up[late].Status.Snapshot.Value > 0);

        cluster.Put(leader, "after", "1");
        cluster.PowerCut(late);
        cluster.Start(late);
        cluster.Until(() => cluster.Get(late, "after") == "1", "it has what came after the snapshot");
    }

    [Fact]
    public void An_emptied_member_catches_up_from_a_leader_that_does_not_remember_it()
    {
        var cluster = Small();
        var leader = cluster.Elect();
        for (var i = 0; i < 300; i++)
            cluster.Put(leader, $"k{i}", "v");
        var emptied = ReplicaTests.Other(cluster, leader);
        cluster.PowerCut(emptied);
        cluster.Disks[emptied] = new MemoryDisk();
        cluster.PowerCut(leader);
        cluster.Start(leader);
        leader = cluster.Elect();
        cluster.Start(emptied);
        cluster.Until(() => cluster.Get(emptied, "k0") == "v" && cluster.Get(emptied, "k299") == "v", "the emptied member has caught up");
    }

    [Fact]
    public void A_receiver_that_restarts_amid_a_snapshot_begins_anew()
    {
        var cluster = Small();
        var leader = cluster.Elect();
        var late = ReplicaTests.Other(cluster, leader);
        cluster.PowerCut(late);
        for (var i = 0; i < 300; i++)
            cluster.Put(leader, $"k{i}", new string('v', 40));
        var chunks = 0;
        cluster.Delivers = (_, _, m) => m is not PeerMessage.SnapshotChunk || ++chunks <= 3;
        cluster.Start(late);
        cluster.Until(() => chunks > 3, "a snapshot is on its way");
        cluster.PowerCut(late);
        cluster.Start(late);
        cluster.Heal();
        cluster.Until(() => cluster.Up[late].Status.Applied == cluster.Up[leader].Status.Applied, "the late member has caught up");
    }

    /// <summary>
    /// 1. A follower's last word of a term is a commit index alone, which is not written for its own sake. 2. A snapshot of a later term replaces its log, and with it its term.
    /// 3. The next entries change neither term, vote nor commit; what was left over from the first step must not be written with them.
    /// </summary>
    [Fact]
    public void A_commit_index_that_was_not_written_does_not_take_the_term_of_a_snapshot_back()
    {
        var cluster = Small(chunkBytes: 1 << 20);
        var leader = cluster.Elect();
        var late = ReplicaTests.Other(cluster, leader);
        cluster.Put(leader, "a", "1");
        cluster.Until(() => cluster.Get(late, "a") == "1", "the commit index has come");
        cluster.Isolate(late);
        for (var i = 0; i < 300; i++)
            cluster.Put(leader, $"k{i}", "v");
        PeerMessage.SnapshotChunk? whole = null;
        cluster.Delivers = (_, to, m) => to != late || (m is PeerMessage.SnapshotChunk chunk ? (whole = chunk) is null : m is PeerMessage.Raft);
        cluster.Until(() => whole is not null, "a snapshot is on its way");
        cluster.Isolate(late);

        var (mark, term) = (whole!.Mark, whole.Term.Next);
        Assert.Equal(whole.Length, whole.Bytes.Length);
        cluster.Up[late].Receive(leader, whole with { Term = term });
        cluster.Settle();
        var next = new Entry(new EntryId(term, mark.Last.Index.Next), EntryKind.Empty, default);
        cluster.Up[late].Receive(leader, new PeerMessage.Raft(new RaftMessage.AppendEntries(mark.Last, [next], mark.Last.Index) { Term = term }));
        cluster.Settle();
        Assert.Equal((term, next.Id), (cluster.Up[late].Status.Term, cluster.Up[late].Status.Last));

        cluster.PowerCut(late);
        cluster.Start(late);
        Assert.Equal((term, next.Id), (cluster.Up[late].Status.Term, cluster.Up[late].Status.Last));
    }

    [Fact]
    public void A_damaged_newest_snapshot_costs_nothing_while_the_log_reaches_back()
    {
        var cluster = Small();
        var leader = cluster.Elect();
        for (var i = 0; i < 100; i++)
            cluster.Put(leader, $"k{i}", $"{i}");
        var id = ReplicaTests.Other(cluster, leader);
        cluster.PowerCut(id);
        var newest = cluster.Disks[id].Paths.Last(p => p.EndsWith(".snapshot", StringComparison.Ordinal));
        Flip(cluster.Disks[id], newest);
        cluster.Start(id);
        cluster.Until(() => cluster.Get(id, "k99") == "99", "everything is back");
        Assert.DoesNotContain(newest, cluster.Disks[id].Paths);
    }

    [Fact]
    public void Damaged_snapshots_without_a_log_that_makes_up_for_them_are_refused()
    {
        var cluster = Small();
        var leader = cluster.Elect();
        for (var i = 0; i < 100; i++)
            cluster.Put(leader, $"k{i}", $"{i}");
        cluster.PowerCut(leader);
        foreach (var path in cluster.Disks[leader].Paths.Where(p => p.EndsWith(".snapshot", StringComparison.Ordinal)).ToArray())
            Flip(cluster.Disks[leader], path);
        Assert.Throws<DamagedFileException>(() => cluster.Start(leader));
    }

    [Fact]
    public void A_snapshot_directory_without_its_log_is_refused()
    {
        var cluster = Small();
        var leader = cluster.Elect();
        for (var i = 0; i < 100; i++)
            cluster.Put(leader, $"k{i}", $"{i}");
        cluster.PowerCut(leader);
        foreach (var path in cluster.Disks[leader].Paths.Where(p => p.EndsWith(".wal", StringComparison.Ordinal)).ToArray())
            cluster.Disks[leader].Delete(path);
        Assert.Contains("term and vote are lost", Assert.Throws<DamagedFileException>(() => cluster.Start(leader)).Message, StringComparison.Ordinal);
    }

    private static void Flip(MemoryDisk disk, string path)
    {
        var bytes = disk.Bytes(path);
        bytes[bytes.Length / 2] ^= 0x10;
        disk.Put(path, bytes);
    }

    private static ReplicaCluster Small(int chunkBytes = 1_000) => new(3, configure: o => o with
    {
        SnapshotEntries = 20,
        TrailingEntries = 5,
        SnapshotChunkBytes = chunkBytes,
        SnapshotBytesPerTurn = 1_000,
        SnapshotLogBytes = 3_000,
    });
}

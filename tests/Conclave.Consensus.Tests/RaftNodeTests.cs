using Conclave.Consensus.Raft;
using Conclave.Consensus.Tests.Harness;
using static Conclave.Consensus.Tests.Harness.TestCluster;

namespace Conclave.Consensus.Tests;

/// <summary>What the paper leaves to us.</summary>
public sealed class RaftNodeTests
{
    [Fact]
    public void Options_that_contradict_each_other_are_refused_by_name()
    {
        var good = Options(One);
        var bad = new (RaftOptions Options, string Name)[]
        {
            (good with { Id = default }, "Id"),
            (good with { HeartbeatTicks = 0 }, "HeartbeatTicks"),
            (good with { ElectionTicks = good.HeartbeatTicks }, "ElectionTicks"),
            (good with { FastPreVoteRankTicks = 0 }, "FastPreVoteRankTicks"),
            (good with { MaxAppendBytes = 0 }, "MaxAppendBytes"),
            (good with { MaxInFlightAppends = 0 }, "MaxInFlightAppends"),
            (good with { MaxUncommittedBytes = 0 }, "MaxUncommittedBytes"),
            (good with { MaxPendingReads = 0 }, "MaxPendingReads"),
            (good with { MaxApplyBytes = 0 }, "MaxApplyBytes"),
        };
        good.Validate();
        foreach (var (options, name) in bad)
            Assert.StartsWith(name, Assert.Throws<ArgumentException>(name, options.Validate).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_proposal_bound_to_a_term_is_taken_only_by_that_terms_leader()
    {
        var cluster = Led();
        Assert.IsType<ProposeResult.Accepted>(cluster.Node(1).Propose(Bytes("x"), new Term(1)));
        Assert.IsType<ProposeResult.NotLeader>(cluster.Node(1).Propose(Bytes("x"), new Term(2)));
        Assert.Equal(new ProposeResult.NotLeader(One), cluster.Node(2).Propose(Bytes("x"), new Term(1)));
        Assert.IsType<ProposeResult.NotLeader>(Fresh().Node(1).Propose(Bytes("x")));
    }

    [Fact]
    public void Uncommitted_bytes_are_bounded_and_freed_by_the_commit()
    {
        var cluster = Led(options: id => Options(id) with { MaxUncommittedBytes = 200 });
        var leader = cluster.Node(1);
        Assert.IsType<ProposeResult.Accepted>(leader.Propose(new byte[1000]));
        Assert.IsType<ProposeResult.Busy>(leader.Propose(new byte[1]));
        cluster.Settle();
        Assert.IsType<ProposeResult.Accepted>(leader.Propose(new byte[100]));
        Assert.IsType<ProposeResult.Busy>(leader.Propose(new byte[100]));
    }

    [Fact]
    public void Everything_proposed_in_one_turn_leaves_in_one_append_per_peer()
    {
        var cluster = Led();
        for (var i = 0; i < 5_000; i++)
            cluster.Node(1).Propose(Bytes("x"));
        var ready = cluster.Node(1).TakeReady();
        Assert.Equal(5_000, ready.Entries.Count);
        Assert.Equal([5_000, 5_000], ready.SendNow.Select(each => ((RaftMessage.AppendEntries)each.Message).Entries.Count));
    }

    [Fact]
    public void Appends_in_flight_are_bounded()
    {
        var cluster = Led(options: id => Options(id) with { MaxAppendBytes = 1, MaxInFlightAppends = 4 });
        for (var i = 0; i < 10; i++)
            cluster.Node(1).Propose(Bytes("x"));
        Assert.Equal(8, cluster.Node(1).TakeReady().SendNow.Count);
    }

    [Fact]
    public void Pending_reads_are_bounded_and_refused_when_leadership_is_lost()
    {
        var cluster = Led(options: id => Options(id) with { MaxPendingReads = 2 });
        var leader = cluster.Node(1);
        for (var id = 1UL; id <= 3; id++)
            leader.RequestRead(new ReadId(id));
        Assert.Equal([new ReadState(new ReadId(3), null)], Turn(leader).Reads);
        leader.Step(Two, new RaftMessage.AppendReply(Accepted: false, default, default) { Term = new Term(5) });
        Assert.Equal([new ReadState(new ReadId(1), null), new ReadState(new ReadId(2), null)], Turn(leader).Reads);
    }

    [Fact]
    public void A_forwarded_read_that_nobody_answers_is_refused_after_an_election_timeout()
    {
        var cluster = Led();
        var follower = cluster.Node(2);
        follower.RequestRead(new ReadId(1));
        Assert.IsType<RaftMessage.ReadRequest>(Assert.Single(Turn(follower).SendNow).Message);
        for (var tick = 0; tick < 10; tick++)
        {
            follower.Tick();
            follower.Step(One, new RaftMessage.Heartbeat(default, 0) { Term = new Term(1) });
        }

        Assert.Equal([new ReadState(new ReadId(1), null)], Turn(follower).Reads);
    }

    [Fact]
    public void Fast_pre_votes_start_by_rank_among_the_others()
    {
        var cluster = Led(5);
        foreach (var id in cluster.Membership.Voters.Skip(1))
            cluster[id].Node.PeerRefused(One);
        var startedAt = new Dictionary<ulong, int>();
        for (var tick = 0; tick < 8; tick++)
        {
            foreach (var peer in cluster.Peers.Where(peer => peer.Node.Role == Role.PreCandidate))
                startedAt.TryAdd(peer.Id.Value, tick);
            foreach (var id in cluster.Membership.Voters.Skip(1))
                cluster.Tick(id);
        }

        Assert.Equal([(2UL, 0), (3UL, 2), (4UL, 4), (5UL, 6)], startedAt.OrderBy(each => each.Key).Select(each => (each.Key, each.Value)));
    }

    [Fact]
    public void A_reconnect_calls_the_fast_pre_vote_off()
    {
        var cluster = Led();
        cluster.Node(3).PeerRefused(One);
        cluster.Node(3).PeerConnected(One);
        for (var tick = 0; tick < 8; tick++)
            cluster.Tick(Three);
        Assert.Equal(Role.Follower, cluster.Node(3).Role);
    }

    [Fact]
    public void A_refused_leader_that_goes_on_speaking_is_not_challenged()
    {
        var cluster = Led();
        cluster.Node(3).PeerRefused(One);
        for (var tick = 0; tick < 50; tick++)
        {
            cluster.Node(3).Step(One, new RaftMessage.Heartbeat(default, 0) { Term = new Term(1) });
            cluster.Tick(Three);
            Assert.Equal(Role.Follower, cluster.Node(3).Role);
        }

        for (var tick = 0; tick < 5; tick++)
            cluster.Tick(Three);
        Assert.Equal(Role.PreCandidate, cluster.Node(3).Role);
    }

    [Fact]
    public void A_commit_hint_beyond_the_log_is_cut_to_it() =>
        Assert.Equal(new LogIndex(1), Restored(term: 1, vote: null, commit: 7, Command(1, 1, "a")).CommitIndex);

    [Fact]
    public void Entries_that_a_snapshot_replaced_are_dropped_at_restart()
    {
        var mark = new SnapshotMark(At(3, 2), new Membership([One, Two, Three]));
        RaftNode With(params Entry[] entries) =>
            new(Options(One), new RestoredState(new HardState(new Term(3), null, default), mark, entries, mark.Membership), new Random(1));

        Assert.Equal(At(3, 2), With(Command(1, 1, "a"), Command(1, 2, "b"), Command(1, 3, "c")).Last);
        Assert.Equal(At(3, 3), With(Command(1, 1, "a"), Command(3, 2, "b"), Command(3, 3, "c")).Last);
        Assert.Equal(At(3, 3), With(Command(3, 3, "c")).Last);
        Assert.Equal(new LogIndex(2), With().CommitIndex);
    }

    [Fact]
    public void A_snapshot_that_is_no_longer_needed_is_declined()
    {
        var node = Restored(term: 1, vote: null, commit: 2, Command(1, 1, "a"), Command(1, 2, "b"));
        Turn(node);
        node.Step(Two, new RaftMessage.InstallSnapshot(new SnapshotMark(At(1, 2), node.Membership)) { Term = new Term(1) });
        var ready = Turn(node);
        Assert.Null(ready.Snapshot);
        Assert.True(((RaftMessage.AppendReply)Assert.Single(ready.SendAfterPersist).Message).Accepted);
    }

    [Fact]
    public void Views_of_the_log_stay_as_they_were_handed_out()
    {
        var node = Restored(term: 1, vote: null, commit: 0);
        node.Step(Two, new RaftMessage.AppendEntries(default, [Command(1, 1, "a"), Command(1, 2, "b")], default) { Term = new Term(1) });
        var ready = Turn(node);
        node.Step(Three, new RaftMessage.AppendEntries(At(1, 1), [Command(2, 2, "B")], default) { Term = new Term(2) });
        Turn(node);
        Assert.Equal([At(1, 1), At(1, 2)], ready.Entries.Select(entry => entry.Id));
    }

    [Fact]
    public void A_write_overtaken_by_a_truncation_claims_nothing()
    {
        var node = Restored(term: 1, vote: null, commit: 0);
        node.Step(Two, new RaftMessage.AppendEntries(default, [Command(1, 1, "a")], default) { Term = new Term(1) });
        var ready = node.TakeReady();
        node.Step(Three, new RaftMessage.AppendEntries(default, [Command(2, 1, "A")], default) { Term = new Term(2) });
        node.Persisted(ready);
        Assert.Equal(default, node.Log.Persisted);
        Assert.Equal(At(2, 1), Assert.Single(Turn(node).Entries).Id);
        Assert.Equal(new LogIndex(1), node.Log.Persisted);
    }

    [Fact]
    public void A_peer_that_lost_its_disk_stops_itself_and_not_its_leader()
    {
        var cluster = Led();
        var leader = cluster.Node(1);
        var emptied = new RaftNode(Options(Three), new RestoredState(default, null, [], cluster.Membership), new Random(1));

        // It says that it lacks what it acknowledged. The leader does not try the same again at once, and again, and again.
        leader.PeerConnected(Three);
        var probe = Assert.Single(Turn(leader).SendNow, sent => sent.To == Three).Message;
        emptied.Step(One, probe);
        var refusal = Assert.IsType<RaftMessage.AppendReply>(Assert.Single(Turn(emptied).SendAfterPersist).Message);
        Assert.False(refusal.Accepted);
        leader.Step(Three, refusal);
        Assert.False(leader.HasReady);

        // The next heartbeat tells it what it once held.
        leader.Tick();
        leader.Tick();
        var heartbeat = Assert.Single(Turn(leader).SendNow, sent => sent.To == Three).Message;
        Assert.Throws<InvariantBrokenException>(() => emptied.Step(One, heartbeat));

        // The others do not miss it.
        cluster.Crash(Three);
        cluster.Settle();
        var accepted = Assert.IsType<ProposeResult.Accepted>(leader.Propose(Bytes("x")));
        cluster.Settle();
        Assert.Equal(Role.Leader, leader.Role);
        Assert.Equal(accepted.Id.Index, leader.CommitIndex);
    }
}

using Conclave.Consensus.Raft;
using Conclave.Consensus.Tests.Harness;
using static Conclave.Consensus.Tests.Harness.TestCluster;

namespace Conclave.Consensus.Tests;

/// <summary>A sentence of the Raft paper (§) or of Ongaro's thesis, and a test of it.</summary>
public sealed class PaperTests
{
    [Fact(DisplayName = "§5.1: If one server's current term is smaller than the other's, then it updates its current term to the larger value.")]
    public void A_larger_term_is_adopted()
    {
        foreach (var role in Enum.GetValues<Role>())
        {
            var node = WithRole(role).Node(1);
            node.Step(Three, new RaftMessage.HeartbeatReply(0) { Term = new Term(7) });
            Assert.Equal(new Term(7), node.Term);
            Assert.Equal(Role.Follower, node.Role);
        }
    }

    [Fact(DisplayName = "§5.1: If a server receives a request with a stale term number, it rejects the request.")]
    public void A_stale_append_is_refused_with_the_newer_term()
    {
        var node = Restored(term: 5, vote: null, commit: 0);
        node.Step(Two, new RaftMessage.AppendEntries(default, [Command(4, 1, "x")], default) { Term = new Term(4) });
        var reply = Assert.IsType<RaftMessage.AppendReply>(Assert.Single(Turn(node).SendAfterPersist).Message);
        Assert.False(reply.Accepted);
        Assert.Equal(new Term(5), reply.Term);
        Assert.Equal(default, node.Last);
    }

    [Fact(DisplayName = "§5.2: Each server will vote for at most one candidate in a given term, on a first-come-first-served basis.")]
    public void One_vote_per_term()
    {
        var node = Restored(term: 0, vote: null, commit: 0);
        node.Step(Two, new RaftMessage.RequestVote(default, PreVote: false, LeaderRefused: false) { Term = new Term(1) });
        node.Step(Three, new RaftMessage.RequestVote(default, PreVote: false, LeaderRefused: false) { Term = new Term(1) });
        var ready = Turn(node);
        Assert.Equal(new HardState(new Term(1), Two, default), ready.HardState);
        Assert.True(ready.MustFlush);
        var granted = Assert.Single(ready.SendAfterPersist);
        Assert.Equal((Two, true), (granted.To, ((RaftMessage.VoteReply)granted.Message).Granted));
        var refused = Assert.Single(ready.SendNow);
        Assert.Equal((Three, false), (refused.To, ((RaftMessage.VoteReply)refused.Message).Granted));
    }

    [Fact(DisplayName = "Figure 2: votedFor is persistent state, updated on stable storage before responding to RPCs.")]
    public void A_restarted_peer_does_not_vote_twice()
    {
        var node = Restored(term: 3, vote: Two, commit: 0);
        node.Step(Three, new RaftMessage.RequestVote(default, PreVote: false, LeaderRefused: false) { Term = new Term(3) });
        node.Step(Two, new RaftMessage.RequestVote(default, PreVote: false, LeaderRefused: false) { Term = new Term(3) });
        var ready = Turn(node);
        Assert.False(((RaftMessage.VoteReply)Assert.Single(ready.SendNow).Message).Granted);
        Assert.Equal(Two, Assert.Single(ready.SendAfterPersist).To);
    }

    [Fact(DisplayName = "§5.2: A candidate votes for itself; here it asks nobody before that vote is on its disk.")]
    public void A_candidate_asks_after_its_own_vote_is_durable()
    {
        var node = Restored(term: 0, vote: null, commit: 0);
        while (node.Role != Role.PreCandidate)
            node.Tick();
        Assert.Equal(2, Turn(node).SendNow.Count);
        node.Step(Two, new RaftMessage.VoteReply(Granted: true, PreVote: true) { Term = new Term(1) });
        var ready = Turn(node);
        Assert.Equal(new HardState(new Term(1), One, default), ready.HardState);
        Assert.Empty(ready.SendNow);
        Assert.Equal(2, ready.SendAfterPersist.Count);
    }

    [Fact(DisplayName = "§5.3: The leader decides when it is safe to apply a log entry; it counts its own copy only once that is durable.")]
    public void A_leader_counts_itself_once_persisted()
    {
        var node = Restored(term: 0, vote: null, commit: 0);
        MakeLeader(node);
        var ready = node.TakeReady();
        Assert.Equal(2, ready.SendNow.Count(each => each.Message is RaftMessage.AppendEntries));
        node.Step(Two, new RaftMessage.AppendReply(Accepted: true, new LogIndex(1), default) { Term = new Term(1) });
        Assert.Equal(default, node.CommitIndex);
        node.Persisted(ready);
        Assert.Equal(new LogIndex(1), node.CommitIndex);
    }

    [Fact(DisplayName = "§5.3: If an existing entry conflicts with a new one, delete it and all that follow; what matches stays.")]
    public void Conflicts_are_overwritten_and_older_messages_take_nothing_away()
    {
        var node = Restored(term: 2, vote: null, commit: 1, Command(1, 1, "a"), Command(1, 2, "b"), Command(1, 3, "c"));
        Turn(node);
        node.Step(Two, new RaftMessage.AppendEntries(At(1, 1), [Command(2, 2, "B"), Command(2, 3, "C")], new LogIndex(1)) { Term = new Term(2) });
        var ready = Turn(node);
        Assert.Equal([At(2, 2), At(2, 3)], ready.Entries.Select(entry => entry.Id));
        node.Step(Two, new RaftMessage.AppendEntries(At(1, 1), [Command(2, 2, "B")], new LogIndex(1)) { Term = new Term(2) });
        Assert.Equal(At(2, 3), node.Last);
        Assert.Equal(new LogIndex(2), ((RaftMessage.AppendReply)Turn(node).SendAfterPersist[0].Message).Index);
    }

    [Fact(DisplayName = "§5.4.1: The voter denies its vote if its own log is more up-to-date than that of the candidate.")]
    public void An_older_log_gets_no_vote()
    {
        var cases = new[] { (At(1, 9), false), (At(2, 1), false), (At(2, 2), true), (At(2, 3), true), (At(3, 1), true) };
        foreach (var (last, expected) in cases)
        {
            foreach (var preVote in new[] { true, false })
            {
                var node = Restored(term: 3, vote: null, commit: 0, Command(1, 1, "a"), Command(2, 2, "b"));
                node.Step(Two, new RaftMessage.RequestVote(last, preVote, LeaderRefused: false) { Term = new Term(4) });
                var ready = Turn(node);
                Assert.Equal(expected, ((RaftMessage.VoteReply)ready.SendNow.Concat(ready.SendAfterPersist).Single().Message).Granted);
            }
        }
    }

    [Fact(DisplayName = "§5.4.2: Only log entries from the leader's current term are committed by counting replicas.")]
    public void An_older_terms_entry_is_committed_only_with_one_of_the_own_term()
    {
        var node = Restored(term: 2, vote: null, commit: 0, Command(1, 1, "a"), Command(2, 2, "b"));
        MakeLeader(node);
        Turn(node);
        node.Step(Two, new RaftMessage.AppendReply(Accepted: true, new LogIndex(2), default) { Term = node.Term });
        Assert.Equal(default, node.CommitIndex);
        node.Step(Two, new RaftMessage.AppendReply(Accepted: true, new LogIndex(3), default) { Term = node.Term });
        Assert.Equal(new LogIndex(3), node.CommitIndex);
    }

    [Fact(DisplayName = "§6: A server that hears a current leader within the minimum election timeout neither updates its term nor grants its vote.")]
    public void Who_hears_a_leader_does_not_listen_to_candidates()
    {
        var cluster = Led();
        var follower = cluster.Node(2);
        foreach (var preVote in new[] { true, false })
            follower.Step(Three, new RaftMessage.RequestVote(At(9, 9), preVote, LeaderRefused: true) { Term = new Term(9) });
        Assert.Equal(new Term(1), follower.Term);
        Assert.False(follower.HasReady);
    }

    [Fact(DisplayName = "Thesis 6.2: A leader steps down if an election timeout elapses without a successful round of heartbeats to a majority.")]
    public void A_leader_without_quorum_steps_down()
    {
        var cluster = Led();
        for (var tick = 0; tick < 9; tick++)
            cluster.Tick(One);
        Assert.Equal(Role.Leader, cluster.Node(1).Role);
        cluster.Tick(One);
        Assert.Equal(Role.Follower, cluster.Node(1).Role);
    }

    [Fact(DisplayName = "Thesis 6.4: If the leader has not yet marked an entry from its current term committed, it waits until it has done so.")]
    public void A_new_leader_answers_no_read_before_its_empty_entry_is_committed()
    {
        var node = Restored(term: 1, vote: null, commit: 1, Command(1, 1, "a"));
        MakeLeader(node);
        node.RequestRead(new ReadId(1));
        Assert.DoesNotContain(Turn(node).SendNow, each => each.Message is RaftMessage.Heartbeat);
        node.Step(Two, new RaftMessage.AppendReply(Accepted: true, new LogIndex(2), default) { Term = node.Term });
        var asked = Turn(node).SendNow.Select(each => each.Message).OfType<RaftMessage.Heartbeat>().First();
        node.Step(Two, new RaftMessage.HeartbeatReply(asked.Round) { Term = node.Term });
        Assert.Equal(new ReadState(new ReadId(1), new LogIndex(2)), Assert.Single(Turn(node).Reads));
    }

    [Fact(DisplayName = "Thesis 6.4: A heartbeat answered before the read was asked for confirms nothing.")]
    public void An_older_round_does_not_confirm_a_read()
    {
        var cluster = Led();
        var leader = cluster.Node(1);
        leader.RequestRead(new ReadId(1));
        cluster.Turn(One);
        leader.Step(Two, new RaftMessage.HeartbeatReply(0) { Term = leader.Term });
        Assert.False(leader.HasReady);
        leader.Step(Two, new RaftMessage.HeartbeatReply(1) { Term = leader.Term });
        Assert.Equal(new LogIndex(1), Assert.Single(leader.TakeReady().Reads).Index);
    }

    [Fact(DisplayName = "Thesis 9.6: In the Pre-Vote algorithm, a candidate only increments its term if it first learns that a majority would grant it their votes.")]
    public void A_peer_cut_off_does_not_raise_its_term()
    {
        var cluster = Led();
        cluster.Isolate(Three);
        for (var tick = 0; tick < 200; tick++)
        {
            cluster.Tick(Three);
            cluster.Settle();
        }

        Assert.Equal(new Term(1), cluster.Node(3).Term);
    }
}

using Conclave.Consensus;
using Conclave.Consensus.Raft;

namespace Conclave.Store.Tests.Replicas;

public sealed class ReplicaTests
{
    [Fact]
    public void A_write_at_any_member_is_applied_at_every_member()
    {
        var cluster = new ReplicaCluster(3);
        cluster.Elect();
        foreach (var id in cluster.Ids)
            cluster.Put(id, $"from-{id}", "x");
        cluster.Tick(4);
        foreach (var id in cluster.Ids)
            Assert.Equal(4, cluster.Up[id].Status.Revision.Value);
    }

    [Fact]
    public void One_member_alone_leads_itself()
    {
        var cluster = new ReplicaCluster(1);
        var id = cluster.Elect();
        cluster.Put(id, "a", "1");
        Assert.Equal("1", cluster.Get(id, "a"));
    }

    [Fact]
    public void An_acknowledged_write_survives_a_power_cut_of_every_member()
    {
        var cluster = new ReplicaCluster(3);
        for (var round = 0; round < 5; round++)
        {
            var leader = cluster.Elect();
            for (var i = 0; i < 30; i++)
                cluster.Put(leader, $"k{i}", $"{round}");
            foreach (var id in cluster.Ids)
                cluster.PowerCut(id);
            foreach (var id in cluster.Ids)
                cluster.Start(id);
            leader = cluster.Elect();
            Assert.All(Enumerable.Range(0, 30), i => Assert.Equal($"{round}", cluster.Get(leader, $"k{i}")));
        }
    }

    [Fact]
    public void A_proposal_without_a_leader_waits_for_one()
    {
        var cluster = new ReplicaCluster(3);
        cluster.Put(cluster.Ids[0], "early", "bird");
        Assert.Equal("bird", cluster.Get(cluster.Ids[0], "early"));
    }

    [Fact]
    public void A_proposal_without_a_leader_ends_as_not_proposed()
    {
        var cluster = new ReplicaCluster(3) { Delivers = (_, _, _) => false };
        var request = cluster.Propose(cluster.Ids[0], new Command.Compact(new Revision(1)));
        cluster.Tick(141);
        Assert.IsType<ProposalOutcome.NotLeader>(cluster.Outputs[cluster.Ids[0]].Outcomes[request]);
    }

    [Fact]
    public void A_proposal_that_reached_nobody_else_ends_as_dropped_once_another_took_its_place()
    {
        var cluster = new ReplicaCluster(3);
        var old = cluster.Elect();
        cluster.Isolate(old);
        var request = cluster.Propose(old, new Command.Put("a"u8.ToArray(), "lost"u8.ToArray(), LeaseId.None));
        cluster.Until(() => cluster.Ids.Any(id => id != old && cluster.Up[id].Status.Established), "another leads");
        var next = cluster.Ids.First(id => id != old && cluster.Up[id].Status.Established);
        cluster.Put(next, "a", "won");
        cluster.Heal();
        cluster.Until(() => cluster.Outputs[old].Outcomes.ContainsKey(request), "the proposal ends");
        Assert.IsType<ProposalOutcome.Dropped>(cluster.Outputs[old].Outcomes[request]);
        Assert.Equal("won", cluster.Get(old, "a"));
    }

    [Fact]
    public void A_forwarded_proposal_ends_as_unknown_when_its_leader_is_replaced()
    {
        var cluster = new ReplicaCluster(3);
        var old = cluster.Elect();
        var follower = Other(cluster, old);
        cluster.Isolate(old);
        var request = cluster.Propose(follower, new Command.Put("a"u8.ToArray(), "?"u8.ToArray(), LeaseId.None));
        cluster.Until(() => cluster.Outputs[follower].Outcomes.ContainsKey(request), "the proposal ends");
        Assert.IsType<ProposalOutcome.Unknown>(cluster.Outputs[follower].Outcomes[request]);
    }

    [Fact]
    public void A_proposal_bound_to_a_term_is_taken_in_that_term_only()
    {
        var cluster = new ReplicaCluster(3);
        var leader = cluster.Elect();
        var term = cluster.Up[leader].Status.Term;
        var command = new Command.Put("a"u8.ToArray(), "1"u8.ToArray(), LeaseId.None);
        var stale = cluster.Propose(leader, command, new Term(term.Value - 1));
        var elsewhere = cluster.Propose(Other(cluster, leader), command, term);
        var good = cluster.Propose(leader, command, term);
        cluster.Settle();
        Assert.IsType<ProposalOutcome.NotLeader>(cluster.Outputs[leader].Outcomes[stale]);
        Assert.IsType<ProposalOutcome.NotLeader>(cluster.Outputs[Other(cluster, leader)].Outcomes[elsewhere]);
        Assert.IsType<ProposalOutcome.Applied>(cluster.Outputs[leader].Outcomes[good]);
    }

    [Fact]
    public void A_read_at_any_member_sees_every_write_before_it()
    {
        var cluster = new ReplicaCluster(3);
        var leader = cluster.Elect();
        cluster.Put(leader, "a", "1");
        foreach (var id in cluster.Ids)
        {
            cluster.Up[id].Read(77);
            cluster.Settle();
            Assert.True(cluster.Outputs[id].Reads[77]);
            Assert.Equal("1", cluster.Get(id, "a"));
        }
    }

    [Fact]
    public void A_cut_off_leader_confirms_no_read()
    {
        var cluster = new ReplicaCluster(3);
        var old = cluster.Elect();
        cluster.Isolate(old);
        cluster.Up[old].Read(1);
        cluster.Tick(200);
        Assert.False(cluster.Outputs[old].Reads[1]);
    }

    [Fact]
    public void A_read_whose_answer_is_lost_is_asked_again()
    {
        var cluster = new ReplicaCluster(3);
        var follower = Other(cluster, cluster.Elect());
        var lost = 0;
        cluster.Delivers = (_, _, m) => m is not PeerMessage.Raft { Message: RaftMessage.ReadReply } || lost++ > 0;
        cluster.Up[follower].Read(1);
        cluster.Until(() => cluster.Outputs[follower].Reads.ContainsKey(1), "the read ends");
        Assert.True(cluster.Outputs[follower].Reads[1]);
    }

    [Fact]
    public void A_lease_lives_while_it_is_renewed_through_any_member_and_takes_its_keys_along()
    {
        var cluster = new ReplicaCluster(3);
        var leader = cluster.Elect();
        var follower = Other(cluster, leader);
        cluster.Run(leader, new Command.GrantLease(new LeaseId(5), 2));
        cluster.Put(leader, "held", "x", lease: 5);
        for (ulong i = 0; i < 10; i++)
        {
            cluster.Up[follower].RenewLease(i, new LeaseId(5));
            cluster.Tick(20); // a second
            Assert.Equal(new RenewalOutcome.Renewed(2), cluster.Outputs[follower].Renewals[i]);
        }

        Assert.Equal("x", cluster.Get(follower, "held"));
        cluster.Until(() => cluster.Get(follower, "held") is null, "the lease expires", ticks: 60);
        cluster.Up[follower].RenewLease(99, new LeaseId(5));
        cluster.Tick(2);
        Assert.IsType<RenewalOutcome.Gone>(cluster.Outputs[follower].Renewals[99]);
    }

    [Fact]
    public void A_new_leader_gives_every_lease_its_full_ttl()
    {
        var cluster = new ReplicaCluster(3);
        var old = cluster.Elect();
        cluster.Run(old, new Command.GrantLease(new LeaseId(5), 4));
        cluster.Put(old, "held", "x", lease: 5);
        cluster.Tick(60); // three of four seconds
        cluster.PowerCut(old);
        var next = cluster.Elect();
        cluster.Tick(60);
        Assert.Equal("x", cluster.Get(next, "held"));
        cluster.Until(() => cluster.Get(next, "held") is null, "the lease expires", ticks: 60);
    }

    [Fact]
    public void A_leader_that_was_cut_off_renews_nothing()
    {
        var cluster = new ReplicaCluster(3);
        var old = cluster.Elect();
        cluster.Run(old, new Command.GrantLease(new LeaseId(5), 60));
        cluster.Isolate(old);
        cluster.Up[old].RenewLease(1, new LeaseId(5));
        cluster.Tick(150);
        Assert.IsType<RenewalOutcome.Unknown>(cluster.Outputs[old].Renewals[1]);
    }

    [Fact]
    public void A_failing_disk_ends_the_replica()
    {
        var cluster = new ReplicaCluster(1);
        var id = cluster.Elect();
        cluster.Disks[id].FlushFails = true;
        var request = cluster.Propose(id, new Command.Compact(new Revision(1)));
        Assert.Throws<DiskFailedException>(() => cluster.Up[id].RunTurn());
        Assert.Throws<InvariantBrokenException>(() => cluster.Up[id].RunTurn());
        Assert.DoesNotContain(request, cluster.Outputs[id].Outcomes);
    }

    internal static PeerId Other(ReplicaCluster cluster, PeerId not) => cluster.Ids.First(id => id != not && cluster.Up.ContainsKey(id));
}

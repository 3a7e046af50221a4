using Conclave.Consensus.Raft;
using Conclave.Consensus.Tests.Harness;

namespace Conclave.Consensus.Tests;

/// <summary>Whole clusters under loss, reordering, repetition, partitions and crashes, one seed each. The message of a failure names the seed.</summary>
public sealed class RandomClusterTests
{
    private const int Seeds = 300;
    private const int Steps = 3_000;

    [Fact]
    public void Every_property_of_figure_3_holds_and_the_cluster_recovers()
    {
        var elections = 0;
        var applied = 0;
        for (var seed = 1; seed <= Seeds; seed++)
        {
            var run = Run(seed, PlantedBug.None);
            Assert.True(run.Broken is null, $"seed {seed}: {run.Broken}");
            elections += run.Cluster.Safety.Elections;
            applied += run.Cluster.Safety.Applied;
        }

        // A run in which nothing happens proves nothing.
        Assert.True(elections > 4 * Seeds, $"only {elections} elections");
        Assert.True(applied > 50 * Seeds, $"only {applied} entries applied");
    }

    [Fact]
    public void A_vote_forgotten_over_a_restart_is_found() => AssertFound(PlantedBug.ForgetVoteOnRestart);

    [Fact]
    public void An_older_terms_entry_committed_by_counting_is_found() => AssertFound(PlantedBug.CommitOlderTermByCounting);

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        var first = new System.Text.StringBuilder();
        var second = new System.Text.StringBuilder();
        Run(7, PlantedBug.None, first);
        Run(7, PlantedBug.None, second);
        Assert.True(first.Length > 1000);
        Assert.Equal(first.ToString(), second.ToString());
    }

    private static void AssertFound(PlantedBug bug)
    {
        for (var seed = 1; seed <= 3_000; seed++)
        {
            if (Run(seed, bug).Broken is not null)
                return;
        }

        Assert.Fail($"{bug} was planted and no seed found it.");
    }

    private sealed record Outcome(Cluster Cluster, Exception? Broken);

    private static Outcome Run(int seed, PlantedBug bug, System.Text.StringBuilder? trace = null)
    {
        var random = new Random(seed);
        var size = random.Next(4) == 0 ? 5 : 3;
        var appendBytes = random.Next(2) == 0 ? 1 : 1 << 20;
        var window = random.Next(2) == 0 ? 1 : 8;
        var cluster = new Cluster(
            size,
            id => new RaftOptions { Id = id, ElectionTicks = 6, FirstElectionTicks = seed % 2 == 0 ? 1 : null, HeartbeatTicks = 2, MaxAppendBytes = appendBytes, MaxInFlightAppends = window, PlantedBug = bug },
            seed,
            trace);
        try
        {
            Storm(cluster, random);
            Calm(cluster);
            return new Outcome(cluster, null);
        }
        catch (Exception broken) when (broken is SafetyBrokenException or InvariantBrokenException)
        {
            return new Outcome(cluster, broken);
        }
    }

    private static void Storm(Cluster cluster, Random random)
    {
        // Each run has its own weather.
        var loss = random.Next(0, 30);
        var repeat = random.Next(0, 20);
        var crash = random.Next(0, 12);
        var read = 0UL;
        var voters = cluster.Membership.Voters;
        for (var step = 0; step < Steps; step++)
        {
            var id = voters[random.Next(voters.Length)];
            var peer = cluster[id];
            switch (random.Next(100))
            {
                case < 20:
                    cluster.Tick(id);
                    break;
                case < 45:
                    cluster.Turn(id, crashBeforeWrite: random.Next(1000) < crash);
                    break;
                case < 85 when cluster.Letters.Count > 0:
                    var at = random.Next(Math.Min(cluster.Letters.Count, 12));
                    var letter = cluster.Letters[at];
                    if (random.Next(100) >= repeat || letter.Message is RaftMessage.InstallSnapshot)
                        cluster.Letters.RemoveAt(at);
                    if (random.Next(100) >= loss)
                        cluster.Deliver(letter);
                    else if (letter.Message is RaftMessage.InstallSnapshot && cluster[letter.From].Up)
                        cluster[letter.From].Node.SnapshotSent(letter.To, delivered: false);
                    break;
                case < 92 when peer.Up:
                    peer.Node.Propose(System.Text.Encoding.UTF8.GetBytes($"{id}.{step}"));
                    break;
                case < 94 when peer.Up:
                    peer.Node.RequestRead(new ReadId(++read));
                    break;
                case 94 when random.Next(100) < crash * 4:
                    if (peer.Up)
                        cluster.Crash(id);
                    break;
                case 95 or 96 when !peer.Up:
                    cluster.Restart(id);
                    break;
                case 97 when random.Next(4) == 0:
                    cluster.Isolate(id);
                    break;
                case 98 when random.Next(2) == 0:
                    cluster.Heal();
                    break;
                case 99 when peer.Up && peer.Node.AppliedIndex.Value > 4 && peer.Node.Log.TermAt(peer.Node.AppliedIndex) is not null:
                    cluster.Compact(id, new LogIndex(peer.Node.AppliedIndex.Value - (ulong)random.Next(4)));
                    break;
                case 94 when peer.Up:
                    // A refusal may be true or not; safety must not care.
                    peer.Node.PeerRefused(voters[random.Next(voters.Length)]);
                    break;
                case 97 when peer.Up:
                    peer.Node.PeerConnected(voters[random.Next(voters.Length)]);
                    break;
                default:
                    break;
            }

            foreach (var each in cluster.Peers)
            {
                if (each.Up && each.Node.Role == Role.Leader)
                    cluster.Safety.LeaderElected(each.Node);
            }
        }
    }

    /// <summary>The faults end; the cluster must elect a leader, agree on one log and serve a read.</summary>
    private static void Calm(Cluster cluster)
    {
        cluster.Heal();
        foreach (var peer in cluster.Peers)
        {
            if (!peer.Up)
                cluster.Restart(peer.Id);
            foreach (var other in cluster.Membership.Voters.Where(other => other != peer.Id))
                peer.Node.PeerConnected(other);
        }

        for (var tick = 0; tick < 200; tick++)
        {
            foreach (var peer in cluster.Peers)
                cluster.Tick(peer.Id);
            cluster.Settle();
        }

        var leader = cluster.Peers.Single(peer => peer.Node.Role == Role.Leader).Node;
        Assert.IsType<ProposeResult.Accepted>(leader.Propose("end"u8.ToArray()));
        cluster.Settle();
        Assert.All(cluster.Peers, peer => Assert.Equal(leader.Last, peer.Node.Last));
        Assert.All(cluster.Peers, peer => Assert.Equal(leader.Last.Index, peer.Node.AppliedIndex));
    }
}

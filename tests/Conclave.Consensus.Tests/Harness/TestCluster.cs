using System.Text;
using Conclave.Consensus.Raft;

namespace Conclave.Consensus.Tests.Harness;

/// <summary>Clusters in a known situation, and words for what tests do to them.</summary>
internal static class TestCluster
{
    public static readonly PeerId One = new(1);
    public static readonly PeerId Two = new(2);
    public static readonly PeerId Three = new(3);

    public static RaftOptions Options(PeerId id) => new() { Id = id, ElectionTicks = 10, HeartbeatTicks = 2 };

    public static Cluster Fresh(int peers = 3) => new(peers, Options, seed: 1);

    /// <summary>Peer 1 leads term 1; its empty entry is applied everywhere.</summary>
    public static Cluster Led(int peers = 3, Func<PeerId, RaftOptions>? options = null)
    {
        var cluster = new Cluster(peers, options ?? Options, seed: 1);
        Campaign(cluster, One);
        cluster.Settle();
        return cluster;
    }

    /// <summary>Peer 1 has this role.</summary>
    public static Cluster WithRole(Role role)
    {
        switch (role)
        {
            case Role.Leader:
                return Led();
            case Role.Follower:
                var led = Fresh();
                Campaign(led, Two);
                led.Settle();
                return led;
            case Role.PreCandidate:
                var asking = Fresh();
                Campaign(asking, One);
                asking.Turn(One);
                return asking;
            case Role.Candidate:
                var campaigning = Fresh();
                Campaign(campaigning, One);
                campaigning.Turn(One);
                campaigning.Node(1).Step(Two, new RaftMessage.VoteReply(Granted: true, PreVote: true) { Term = new Term(1) });
                campaigning.Turn(One);
                return campaigning;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    public static void Campaign(Cluster cluster, PeerId id)
    {
        while (cluster[id].Node.Role == Role.Follower)
            cluster.Tick(id);
    }

    public static ReadOnlyMemory<byte> Bytes(string text) => Encoding.UTF8.GetBytes(text);

    public static EntryId At(ulong term, ulong index) => new(new Term(term), new LogIndex(index));

    public static Entry Command(ulong term, ulong index, string text) => new(At(term, index), EntryKind.Command, Bytes(text));

    /// <summary>One peer of three with this on its disk.</summary>
    public static RaftNode Restored(ulong term, PeerId? vote, ulong commit, params Entry[] entries) =>
        new(Options(One), new RestoredState(new HardState(new Term(term), vote, new LogIndex(commit)), null, entries, new Membership([One, Two, Three])), new Random(1));

    public static Ready Turn(RaftNode node)
    {
        var ready = node.TakeReady();
        node.Persisted(ready);
        if (ready.Committed.Count > 0)
            node.Applied(ready.Committed[^1].Index);
        return ready;
    }

    /// <summary>Makes a peer of three the leader of the term after its own.</summary>
    public static void MakeLeader(RaftNode node)
    {
        while (node.Role != Role.PreCandidate)
            node.Tick();
        Turn(node);
        node.Step(Two, new RaftMessage.VoteReply(Granted: true, PreVote: true) { Term = node.Term.Next });
        Turn(node);
        node.Step(Two, new RaftMessage.VoteReply(Granted: true, PreVote: false) { Term = node.Term });
    }
}

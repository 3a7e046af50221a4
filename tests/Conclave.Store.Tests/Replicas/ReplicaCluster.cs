using System.Text;
using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store.Mvcc;
using Conclave.Store.Wal;

namespace Conclave.Store.Tests.Replicas;

/// <summary>Replicas on memory disks, joined by a network that a test may cut. One thread, no time but ticks.</summary>
internal sealed class ReplicaCluster
{
    private readonly Queue<(PeerId From, PeerId To, PeerMessage Message)> _network = new();
    private readonly int _seed;
    private ulong _nextRequest = 1;

    public ReplicaCluster(int members, int seed = 1, Func<ReplicaOptions, ReplicaOptions>? configure = null)
    {
        _seed = seed;
        Configure = configure ?? (o => o);
        Ids = [.. Enumerable.Range(1, members).Select(i => new PeerId((ulong)i))];
        foreach (var id in Ids)
        {
            Disks[id] = new MemoryDisk();
            Start(id);
        }
    }

    public PeerId[] Ids { get; }

    public Func<ReplicaOptions, ReplicaOptions> Configure { get; set; }

    public Dictionary<PeerId, MemoryDisk> Disks { get; } = [];

    public Dictionary<PeerId, Replica> Up { get; } = [];

    public Dictionary<PeerId, Output> Outputs { get; } = [];

    /// <summary>False: lost on the way.</summary>
    public Func<PeerId, PeerId, PeerMessage, bool> Delivers { get; set; } = (_, _, _) => true;

    public PeerId Leader => Up.First(r => r.Value.Status.Established).Key;

    public void Start(PeerId id)
    {
        Outputs[id] = new Output(id, _network);
        var options = new ReplicaOptions
        {
            Raft = new RaftOptions { Id = id },
            Cluster = new ClusterId(7),
            InitialMembership = new Membership(Ids),
            Wal = new WalOptions { SegmentBytes = 4_096 },
        };
        Up[id] = Replica.Open(Configure(options), Disks[id], Outputs[id], new Random(HashCode.Combine(_seed, id.Value)));
    }

    /// <summary>A power cut: only what was flushed is there afterwards.</summary>
    public void PowerCut(PeerId id)
    {
        Up.Remove(id);
        Disks[id] = Disks[id].Cut();
    }

    public void Isolate(params PeerId[] cutOff) => Delivers = (from, to, _) => cutOff.Contains(from) == cutOff.Contains(to);

    public void Heal() => Delivers = (_, _, _) => true;

    public void Settle()
    {
        for (var left = 10_000; left > 0; left--)
        {
            foreach (var id in Ids.Where(Up.ContainsKey))
            {
                while (Up[id].RunTurn())
                {
                }
            }

            if (_network.Count == 0)
                return;
            for (var count = _network.Count; count > 0; count--)
            {
                var (from, to, message) = _network.Dequeue();
                if (Up.TryGetValue(to, out var receiver) && Up.ContainsKey(from) && Delivers(from, to, message))
                    receiver.Receive(from, message);
            }
        }

        Assert.Fail("The replicas do not come to rest.");
    }

    public void Tick(int ticks)
    {
        for (; ticks > 0; ticks--)
        {
            foreach (var id in Ids.Where(Up.ContainsKey))
                Up[id].Tick();
            Settle();
        }
    }

    public void Until(Func<bool> condition, string what, int ticks = 2_000)
    {
        for (; !condition(); ticks--)
        {
            Assert.True(ticks > 0, $"It never came to be that {what}.");
            Tick(1);
        }
    }

    public PeerId Elect()
    {
        Until(() => Up.Values.Any(r => r.Status.Established), "somebody leads");
        Tick(4);
        return Leader;
    }

    public RequestId Propose(PeerId at, Command command, Term? onlyIn = null)
    {
        var request = new RequestId(at, _nextRequest++);
        Up[at].Propose(request, command, onlyIn);
        return request;
    }

    public ProposalOutcome Run(PeerId at, Command command)
    {
        var request = Propose(at, command);
        Settle();
        Until(() => Outputs[at].Outcomes.ContainsKey(request), $"{command} ends");
        return Outputs[at].Outcomes[request];
    }

    public void Put(PeerId at, string key, string value, long lease = 0) =>
        Assert.IsType<ProposalOutcome.Applied>(Run(at, new Command.Put(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(value), new LeaseId(lease))));

    public string? Get(PeerId at, string key)
    {
        Assert.Equal(StoreError.None, Up[at].Applier.Store.Range(new RangeQuery(KeyRange.One(Encoding.UTF8.GetBytes(key))), out var found));
        return found!.Kvs.Count == 0 ? null : Encoding.UTF8.GetString(found.Kvs[0].Value.Span);
    }

    internal sealed class Output(PeerId self, Queue<(PeerId From, PeerId To, PeerMessage Message)> network) : IReplicaOutput
    {
        public Dictionary<RequestId, ProposalOutcome> Outcomes { get; } = [];

        public Dictionary<ulong, bool> Reads { get; } = [];

        public Dictionary<ulong, RenewalOutcome> Renewals { get; } = [];

        public void Send(PeerId to, PeerMessage message) => network.Enqueue((self, to, message));

        public void Completed(RequestId request, ProposalOutcome outcome) => Outcomes.Add(request, outcome);

        public void ReadReady(ulong read, bool confirmed) => Reads.Add(read, confirmed);

        public void LeaseRenewed(ulong request, RenewalOutcome outcome) => Renewals.Add(request, outcome);

        public void RoleChanged(RoleChange change)
        {
        }

        public void LeadershipEstablished(Term term)
        {
        }
    }
}

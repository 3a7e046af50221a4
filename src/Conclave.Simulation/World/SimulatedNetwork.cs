using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store;

namespace Conclave.Simulation.World;

/// <summary>Carries messages between members: late, twice, out of order or not at all. Messages are immutable and pass as they are.</summary>
internal sealed class SimulatedNetwork(Agenda agenda, Random random, Trace trace, Weather weather, Func<PeerId, SimulatedMember> member)
{
    private const long LatencyMin = 100;
    private readonly HashSet<(PeerId From, PeerId To)> _cut = [];
    private readonly Dictionary<(PeerId From, PeerId To), long> _lastArrival = [];

    /// <summary>No more losses, repetitions or delays.</summary>
    public bool Calm { get; set; }

    public int Partitions { get; private set; }

    public bool Hears(PeerId from, PeerId to) => !_cut.Contains((from, to));

    public void Cut(IReadOnlyCollection<PeerId> from, IReadOnlyCollection<PeerId> to)
    {
        Partitions++;
        foreach (var left in from)
        {
            foreach (var right in to)
                _cut.Add((left, right));
        }
    }

    /// <summary>Everybody hears everybody again, and streams that broke are made anew.</summary>
    public void Heal(IReadOnlyList<PeerId> members)
    {
        foreach (var from in members)
        {
            foreach (var to in members)
            {
                if (_cut.Remove((from, to)))
                    Reconnect(from, to);
            }
        }
    }

    public void Send(PeerId from, PeerId to, PeerMessage message, long leaves)
    {
        if (!Hears(from, to) || Happens(weather.Loss))
        {
            trace.Say($"{from}→{to} {Describe(message)} LOST");
            return;
        }

        trace.Say($"{from}→{to} {Describe(message)}");
        Carry(from, to, message, leaves);
        if (message is not PeerMessage.Raft { Message: RaftMessage.Propose } && Happens(weather.Repeat))
            Carry(from, to, message, leaves);
    }

    /// <summary>The process of <paramref name="id"/> has ended: streams to it break, and its address refuses new ones.</summary>
    public void Ended(PeerId id, IReadOnlyList<PeerId> members)
    {
        foreach (var other in members.Where(other => other != id && Connected(id, other)))
            agenda.After(Latency(), () => TellOf(other, id));
    }

    /// <summary>A process of <paramref name="id"/> has started.</summary>
    public void Started(PeerId id, IReadOnlyList<PeerId> members)
    {
        foreach (var other in members.Where(other => other != id && Connected(id, other)))
        {
            Reconnect(other, id);
            Reconnect(id, other);
        }
    }

    private void Reconnect(PeerId from, PeerId to) => agenda.After(Latency() + random.NextInt64(20_000), () => TellOf(from, to));

    /// <summary>What <paramref name="observer"/> learns when it connects.</summary>
    private void TellOf(PeerId observer, PeerId of)
    {
        if (!Connected(observer, of))
            return;
        if (member(of).Up)
            member(observer).Post(replica => replica.PeerConnected(of));
        else
            member(observer).Post(replica => replica.PeerRefused(of));
    }

    private void Carry(PeerId from, PeerId to, PeerMessage message, long leaves)
    {
        var late = Happens(weather.Late);
        var arrives = leaves + (late ? random.NextInt64(LatencyMin, weather.LateMax) : Latency());
        if (!late)
        {
            // Streams keep their order; what is late was sent on one that broke.
            _lastArrival.TryGetValue((from, to), out var last);
            arrives = Math.Max(arrives, last);
            _lastArrival[(from, to)] = arrives;
        }

        agenda.At(arrives, () =>
        {
            if (Hears(from, to))
                member(to).Post(replica => replica.Receive(from, message));
        });
    }

    private bool Connected(PeerId left, PeerId right) => Hears(left, right) && Hears(right, left);

    private bool Happens(double probability) => !Calm && probability > 0 && random.NextDouble() < probability;

    private long Latency() => random.NextInt64(LatencyMin, Calm ? 2_000 : weather.LatencyMax);

    private static string Describe(PeerMessage message) => message switch
    {
        PeerMessage.Raft raft => $"t{raft.Message.Term} {Describe(raft.Message)}",
        PeerMessage.SnapshotChunk chunk => $"t{chunk.Term} chunk {chunk.Mark.Last} {chunk.Offset}+{chunk.Bytes.Length} of {chunk.Length}",
        PeerMessage.SnapshotAck ack => $"chunk ack {ack.Snapshot} {ack.Offset}{(ack.Installed ? " installed" : "")}",
        PeerMessage.RenewLease renew => $"renew {renew.Lease} ({renew.Request})",
        PeerMessage.LeaseRenewed renewed => $"renewed ({renewed.Request}) {renewed.Outcome}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Describe(RaftMessage message) => message switch
    {
        RaftMessage.RequestVote m => $"vote? last={m.Last}{(m.PreVote ? " pre" : "")}{(m.LeaderRefused ? " leader-refused" : "")}",
        RaftMessage.VoteReply m => $"{(m.Granted ? "granted" : "refused")}{(m.PreVote ? " pre" : "")}",
        RaftMessage.AppendEntries m => $"append {m.Previous} +{m.Entries.Count} commit={m.Commit}",
        RaftMessage.AppendReply m => m.Accepted ? $"accepted {m.Index}" : $"no {m.Index} hint={m.Hint}",
        RaftMessage.Heartbeat m => $"heartbeat commit={m.Commit} round={m.Round}",
        RaftMessage.HeartbeatReply m => $"heard round={m.Round}",
        RaftMessage.InstallSnapshot m => $"install {m.Mark.Last}",
        RaftMessage.Propose m => $"propose {m.Commands.Count}",
        RaftMessage.ReadRequest m => $"read? {m.Id.Value}",
        RaftMessage.ReadReply m => $"read {m.Id.Value} at {m.Index?.ToString() ?? "nothing"}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}

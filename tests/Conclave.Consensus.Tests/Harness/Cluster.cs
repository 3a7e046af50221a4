using System.Text;
using Conclave.Consensus.Raft;

namespace Conclave.Consensus.Tests.Harness;

/// <summary>A message under way.</summary>
internal sealed record Letter(PeerId From, PeerId To, RaftMessage Message);

/// <summary>
/// Peers, their disks and the letters between them, in one thread. It decides nothing: who is ticked, delivered or crashed, and
/// when, comes from a trace or from a seed. <see cref="Safety"/> watches every step.
/// </summary>
internal sealed class Cluster
{
    private readonly SortedDictionary<PeerId, Peer> _peers = [];
    private readonly HashSet<(PeerId From, PeerId To)> _cut = [];
    private readonly StringBuilder? _trace;

    public Cluster(int peers, Func<PeerId, RaftOptions> options, int seed, StringBuilder? trace = null)
    {
        _trace = trace;
        Membership = new Membership(Enumerable.Range(1, peers).Select(i => new PeerId((ulong)i)));
        foreach (var id in Membership.Voters)
            _peers.Add(id, new Peer(id, Membership, options, seed + (int)id.Value * 1000));
    }

    public Membership Membership { get; }

    public Safety Safety { get; } = new();

    public List<Letter> Letters { get; } = [];

    public IEnumerable<Peer> Peers => _peers.Values;

    public Peer this[PeerId id] => _peers[id];

    public RaftNode Node(int id) => _peers[new PeerId((ulong)id)].Node;

    public void Say(string line) => _trace?.Append(line).Append('\n');

    public void Cut(PeerId left, PeerId right)
    {
        _cut.Add((left, right));
        _cut.Add((right, left));
    }

    public void Isolate(PeerId peer)
    {
        foreach (var other in Membership.Voters.Where(other => other != peer))
            Cut(peer, other);
    }

    public void Heal() => _cut.Clear();

    public void Tick(PeerId id)
    {
        if (_peers[id].Up)
            _peers[id].Node.Tick();
    }

    /// <summary>One turn: take the Ready, write, send, apply. <paramref name="crashBeforeWrite"/>: fall after what may leave at once has left.</summary>
    public bool Turn(PeerId id, bool crashBeforeWrite = false)
    {
        var peer = _peers[id];
        if (!peer.Up || !peer.Node.HasReady)
            return false;
        var ready = peer.Node.TakeReady();
        foreach (var change in ready.RoleChanges)
        {
            Say($"{id} {change.Role.ToString().ToLowerInvariant()} term={change.Term} leader={change.Leader?.ToString() ?? "none"}: {change.Why}");
            if (change.Role == Role.Leader && peer.Node.Role == Role.Leader && peer.Node.Term == change.Term)
                Safety.LeaderElected(peer.Node);
        }

        Post(id, ready.SendNow);
        if (crashBeforeWrite)
        {
            Crash(id);
            return true;
        }

        peer.Disk.Write(ready);
        Safety.Written(peer.Disk, ready.Entries);
        if (ready.MustFlush)
            Say($"{id} writes{(ready.HardState is { } hard ? $" term={hard.Term} vote={hard.Vote?.ToString() ?? "none"}" : "")}{Describe(ready.Entries)}");
        peer.Node.Persisted(ready);
        Post(id, ready.SendAfterPersist);

        if (ready.Snapshot is { } mark)
        {
            Say($"{id} installs snapshot {mark.Last}");
            peer.Node.Applied(mark.Last.Index);
        }

        foreach (var entry in ready.Committed)
        {
            Invariant.Require(entry.Index.Value == peer.Node.AppliedIndex.Value + 1, "the driver is given entries without a gap");
            Safety.WasApplied(id, entry);
            peer.Node.Applied(entry.Index);
        }

        if (ready.Committed.Count > 0)
            Say($"{id} applies{Describe(ready.Committed)}");
        foreach (var read in ready.Reads)
            Say($"{id} read {read.Id.Value} {(read.Index is { } index ? $"at {index}" : "refused")}");
        foreach (var needy in ready.NeedSnapshot)
            Stream(id, needy);
        return true;
    }

    /// <summary>The snapshot arrives like a letter, made durable by the receiving driver first.</summary>
    private void Stream(PeerId from, PeerId to)
    {
        var node = _peers[from].Node;
        var mark = _peers[from].Disk.Snapshot!;
        Say($"{from} streams snapshot {mark.Last} to {to}");
        Letters.Add(new Letter(from, to, new RaftMessage.InstallSnapshot(mark) { Term = node.Term }));
    }

    private void Post(PeerId from, IReadOnlyList<Outgoing> messages)
    {
        foreach (var (to, message) in messages)
            Letters.Add(new Letter(from, to, message));
    }

    public void Deliver(Letter letter)
    {
        var lost = _cut.Contains((letter.From, letter.To)) || !_peers[letter.To].Up;
        Say($"{letter.From}→{letter.To} {Describe(letter.Message)}{(lost ? " LOST" : "")}");
        if (!lost)
            _peers[letter.To].Node.Step(letter.From, letter.Message);
        if (letter.Message is RaftMessage.InstallSnapshot && _peers[letter.From].Up)
            _peers[letter.From].Node.SnapshotSent(letter.To, delivered: !lost);
    }

    /// <summary>Turns and deliveries, oldest letter first, until nothing is left to do.</summary>
    public void Settle()
    {
        for (var step = 0; step < 100_000; step++)
        {
            var busy = false;
            foreach (var id in Membership.Voters)
                busy |= Turn(id);
            var now = Letters.ToArray();
            Letters.Clear();
            foreach (var letter in now)
                Deliver(letter);
            if (!busy && now.Length == 0)
                return;
        }

        throw new InvalidOperationException("The cluster does not come to rest.");
    }

    public void Crash(PeerId id) => _peers[id].Crash();

    public void Restart(PeerId id) => _peers[id].Restart();

    public void Compact(PeerId id, LogIndex dropThrough)
    {
        var peer = _peers[id];
        var applied = peer.Node.AppliedIndex;
        var mark = new SnapshotMark(new EntryId(peer.Node.Log.TermAt(applied)!.Value, applied), peer.Node.Membership);
        peer.Disk.Compact(mark, dropThrough);
        peer.Node.Compact(mark, dropThrough);
    }

    public static string Describe(IReadOnlyList<Entry> entries) => string.Concat(entries.Select(entry => $" {entry.Id}:{Safety.Text(entry)}"));

    public static string Describe(RaftMessage message) => $"{message.GetType().Name} t{message.Term} " + message switch
    {
        RaftMessage.RequestVote m => $"last={m.Last}{(m.PreVote ? " pre-vote" : "")}{(m.LeaderRefused ? " leader-refused" : "")}",
        RaftMessage.VoteReply m => $"{(m.Granted ? "granted" : "refused")}{(m.PreVote ? " pre-vote" : "")}",
        RaftMessage.AppendEntries m => $"after {m.Previous} commit={m.Commit}{Describe(m.Entries)}",
        RaftMessage.AppendReply m => m.Accepted ? $"accepted {m.Index}" : $"refused {m.Index} hint={m.Hint}",
        RaftMessage.Heartbeat m => $"commit={m.Commit} round={m.Round}",
        RaftMessage.HeartbeatReply m => $"round={m.Round}",
        RaftMessage.InstallSnapshot m => $"{m.Mark.Last}",
        RaftMessage.Propose m => $"{m.Commands.Count} commands",
        RaftMessage.ReadRequest m => $"read {m.Id.Value}",
        RaftMessage.ReadReply m => $"read {m.Id.Value} {m.Index?.ToString() ?? "refused"}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}

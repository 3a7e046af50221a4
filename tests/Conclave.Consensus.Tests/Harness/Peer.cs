using Conclave.Consensus.Raft;

namespace Conclave.Consensus.Tests.Harness;

/// <summary>What one peer's disk holds. Only <see cref="Write"/> changes it, so a crash at any other moment loses what was not written.</summary>
internal sealed class Disk(Membership initial)
{
    public HardState HardState { get; private set; }

    public SnapshotMark? Snapshot { get; private set; }

    public List<Entry> Entries { get; private set; } = [];

    public RestoredState Restore() => new(HardState, Snapshot, [.. Entries], initial);

    public void Write(Ready ready)
    {
        if (ready.HardState is { } hardState)
            HardState = hardState;
        if (ready.Snapshot is { } mark)
        {
            Snapshot = mark;
            Entries = [];
        }

        if (ready.Entries.Count == 0)
            return;
        Entries.RemoveAll(entry => entry.Index >= ready.Entries[0].Index);
        Entries.AddRange(ready.Entries);
    }

    public void Compact(SnapshotMark mark, LogIndex dropThrough)
    {
        Snapshot = mark;
        Entries.RemoveAll(entry => entry.Index <= dropThrough);
    }
}

/// <summary>A peer with its disk: the smallest driver that keeps the duties of <see cref="Ready"/>.</summary>
internal sealed class Peer
{
    private readonly Func<PeerId, RaftOptions> _options;

    public Peer(PeerId id, Membership membership, Func<PeerId, RaftOptions> options, int seed)
    {
        Id = id;
        _options = options;
        Disk = new Disk(membership);
        Seed = seed;
        Node = new RaftNode(options(id), Disk.Restore(), new Random(seed));
    }

    public PeerId Id { get; }

    public int Seed { get; private set; }

    public Disk Disk { get; private set; }

    public RaftNode Node { get; private set; }

    public bool Up { get; private set; } = true;

    public void Crash() => Up = false;

    public void Restart()
    {
        Seed++;
        Node = new RaftNode(_options(Id), Disk.Restore(), new Random(Seed));
        Up = true;
    }
}

namespace Conclave.Consensus.Raft;

/// <summary>What an entry carries. Persisted: numbers never change meaning.</summary>
public enum EntryKind : byte
{
    /// <summary>The new leader's first entry, which commits what earlier terms left (Raft §5.4.2, §8).</summary>
    Empty = 0,

    /// <summary>Bytes for the state machine; the algorithm does not look inside.</summary>
    Command = 1,
}

/// <summary>One entry of the replicated log.</summary>
public readonly record struct Entry(EntryId Id, EntryKind Kind, ReadOnlyMemory<byte> Data)
{
    /// <summary>Its position.</summary>
    public LogIndex Index => Id.Index;

    /// <summary>The term of the leader that created it.</summary>
    public Term Term => Id.Term;
}

/// <summary>What must survive a crash besides the log (Raft figure 2, "persistent state"). Commit is a hint that saves work.</summary>
public readonly record struct HardState(Term Term, PeerId? Vote, LogIndex Commit);

/// <summary>The state machine's state up to <see cref="Last"/>, and who voted then. The bytes are the driver's business.</summary>
public sealed record SnapshotMark(EntryId Last, Membership Membership);

using Conclave.Consensus.Raft;

namespace Conclave.Consensus.Tests.Harness;

/// <summary>A property of Raft figure 3 does not hold.</summary>
internal sealed class SafetyBrokenException(string property, string how) : Exception($"{property}: {how}")
{
    public string Property { get; } = property;
}

/// <summary>The properties of Raft figure 3, watched from outside. Everything is remembered for the whole run, over crashes too.</summary>
internal sealed class Safety
{
    private readonly Dictionary<Term, PeerId> _leaders = [];
    private readonly Dictionary<EntryId, (EntryId Previous, string Text)> _entries = [];
    private readonly SortedDictionary<LogIndex, Entry> _applied = [];

    public int Elections => _leaders.Count;

    public int Applied => _applied.Count;

    public LogIndex LastApplied => _applied.Count == 0 ? default : _applied.Keys.Last();

    /// <summary>At most one leader can be elected in a given term; and it has every entry committed in earlier terms.</summary>
    public void LeaderElected(RaftNode node)
    {
        if (_leaders.TryGetValue(node.Term, out var other) && other != node.Id)
            throw new SafetyBrokenException("ElectionSafety", $"{other} and {node.Id} lead term {node.Term}");
        if (!_leaders.TryAdd(node.Term, node.Id))
            return;
        foreach (var entry in _applied.Values)
        {
            if (entry.Term < node.Term && entry.Index > node.Log.Start.Index && !node.Log.Holds(entry.Id))
                throw new SafetyBrokenException("LeaderCompleteness", $"{node.Id}, leader of term {node.Term}, lacks {entry.Id}");
        }
    }

    /// <summary>Two logs that hold an entry with the same id are equal up to it: so an id has one content and one predecessor, for ever.</summary>
    public void Written(Disk disk, IReadOnlyList<Entry> entries)
    {
        if (entries.Count == 0)
            return;
        var at = disk.Entries.FindIndex(entry => entry.Index == entries[0].Index);
        var previous = at > 0 ? disk.Entries[at - 1].Id : disk.Snapshot?.Last ?? default;
        if (at == 0 && disk.Snapshot is { } mark && mark.Last.Index.Next != entries[0].Index)
            return;
        foreach (var entry in entries)
        {
            var known = (previous, Text(entry));
            if (!_entries.TryAdd(entry.Id, known) && _entries[entry.Id] != known)
                throw new SafetyBrokenException("LogMatching", $"{entry.Id} follows {previous} here and {_entries[entry.Id].Previous} elsewhere, or differs");
            previous = entry.Id;
        }
    }

    /// <summary>No two peers apply different entries at the same index.</summary>
    public void WasApplied(PeerId peer, Entry entry)
    {
        if (_applied.TryAdd(entry.Index, entry))
            return;
        var known = _applied[entry.Index];
        if (known.Id != entry.Id || Text(known) != Text(entry))
            throw new SafetyBrokenException("StateMachineSafety", $"{peer} applies {entry.Id}, somebody else {known.Id}");
    }

    public static string Text(Entry entry) => entry.Kind == EntryKind.Empty ? "-" : System.Text.Encoding.UTF8.GetString(entry.Data.Span);
}

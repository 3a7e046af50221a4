using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Simulation.World;

namespace Conclave.Simulation.Invariants;

/// <summary>
/// Raft figure 3, watched from outside over the whole run, crashes included: ElectionSafety, LogMatching, LeaderCompleteness, StateMachineSafety. What is
/// remembered of a member's log is forgotten when its process ends, so everything that comes back from a disk is checked anew.
/// </summary>
internal sealed class LogInvariants(Action<Entry> firstCommitted)
{
    private readonly Dictionary<Term, PeerId> _leaders = [];
    private readonly Dictionary<EntryId, (EntryId Previous, ulong Content)> _entries = [];
    private readonly Dictionary<ulong, EntryId> _committed = [];
    private readonly Dictionary<PeerId, View> _views = [];

    /// <summary>Terms that had a leader.</summary>
    public int Elections => _leaders.Count;

    public ulong LastCommitted { get; private set; }

    public void ProcessEnded(PeerId member) => _views.Remove(member);

    public void Check(SimulatedMember member)
    {
        var raft = member.Replica!.Raft;
        if (!_views.TryGetValue(member.Id, out var view))
            _views.Add(member.Id, view = new View());
        CheckLeader(raft);
        CheckLog(member.Id, raft, view);
        CheckCommitted(member.Id, raft, view);
    }

    /// <summary>At most one leader can be elected in a term, and it has every entry committed in earlier ones.</summary>
    public void CheckLeader(RaftNode raft)
    {
        if (raft.Role != Role.Leader)
            return;
        if (_leaders.TryGetValue(raft.Term, out var other))
        {
            if (other != raft.Id)
                throw new InvariantViolatedException("ElectionSafety", $"{other} and {raft.Id} lead term {raft.Term}");
            return;
        }

        _leaders.Add(raft.Term, raft.Id);
        for (var index = raft.Log.Start.Index.Value + 1; index <= LastCommitted; index++)
        {
            if (_committed.TryGetValue(index, out var id) && id.Term < raft.Term && !raft.Log.Holds(id))
                throw new InvariantViolatedException("LeaderCompleteness", $"{raft.Id}, leader of term {raft.Term}, lacks {id}, which was committed");
        }
    }

    /// <summary>Two logs that hold an entry with one id are equal up to it: so an id has one content and one predecessor, for ever.</summary>
    private void CheckLog(PeerId member, RaftNode raft, View view)
    {
        var log = raft.Log;
        var last = log.Last;
        if (last == view.Last)
            return;
        view.Last = last;
        if (last == log.Start)
            return;
        var entries = log.Slice(log.Start.Index.Next, last.Index);
        for (var i = entries.Count - 1; i >= 0 && view.Seen.Add(entries[i].Id); i--)
        {
            var known = (i > 0 ? entries[i - 1].Id : log.Start, Content(entries[i]));
            if (!_entries.TryAdd(entries[i].Id, known) && _entries[entries[i].Id] != known)
                throw new InvariantViolatedException("LogMatching", $"{entries[i].Id} follows {known.Item1} on {member} and {_entries[entries[i].Id].Previous} elsewhere, or its content differs");
        }
    }

    /// <summary>No two members know different entries as committed at one index.</summary>
    private void CheckCommitted(PeerId member, RaftNode raft, View view)
    {
        var log = raft.Log;
        var commit = raft.CommitIndex.Value;
        if (commit <= view.Committed)
            return;
        RequireSame(member, log.Start);
        for (var index = Math.Max(view.Committed, log.Start.Index.Value) + 1; index <= commit; index++)
        {
            var entry = log.Slice(new LogIndex(index), new LogIndex(index))[0];
            if (_committed.TryAdd(index, entry.Id))
            {
                LastCommitted = Math.Max(LastCommitted, index);
                firstCommitted(entry);
            }
            else
            {
                RequireSame(member, entry.Id);
            }
        }

        view.Committed = commit;
    }

    private void RequireSame(PeerId member, EntryId id)
    {
        if (_committed.TryGetValue(id.Index.Value, out var known) && known != id)
            throw new InvariantViolatedException("StateMachineSafety", $"{member} takes {id} for committed, somebody else {known}");
    }

    private static ulong Content(in Entry entry)
    {
        var hash = 14_695_981_039_346_656_037UL ^ (ulong)entry.Kind;
        foreach (var b in entry.Data.Span)
            hash = (hash ^ b) * 1_099_511_628_211UL;
        return hash;
    }

    /// <summary>What was seen of one process's log.</summary>
    private sealed class View
    {
        public EntryId Last { get; set; }

        public ulong Committed { get; set; }

        public HashSet<EntryId> Seen { get; } = [];
    }
}

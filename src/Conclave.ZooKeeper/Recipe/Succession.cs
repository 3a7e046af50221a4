namespace Conclave.ZooKeeper;

/// <summary>What an observer sees of an election, in the order of the wire.</summary>
internal abstract record Sighting
{
    private Sighting() { }

    /// <summary>All children of the election's node.</summary>
    /// <param name="Names">Candidates and others.</param>
    /// <param name="Creations">How many children it ever had.</param>
    /// <param name="Incarnation">Tells apart the nodes that were ever made under the election's path; 0 when there is none.</param>
    public sealed record Listed(IReadOnlyCollection<string> Names, long Creations, long Incarnation) : Sighting;

    public sealed record Created(string Name) : Sighting;

    public sealed record Deleted(string Name) : Sighting;

    /// <summary>What a candidate's node says.</summary>
    public sealed record Read(string Name, Leader Leader) : Sighting;
}

/// <summary>
/// Who led, one after the other, concluded from sightings. Pure; for one thread.
/// </summary>
/// <remarks>
/// ZooKeeper tells what is and keeps no history. While the watch lasts every creation and deletion is told in order, so no leader is missed; each candidate's node is
/// read when it appears, long before its turn as a rule, for a deleted node can no longer be asked for value and token. After the watch was
/// away there are two lists with a gap between them. The gap is bridged when only one history fits: the leader still stands; or the one right behind it leads now; or nobody
/// led and the very next candidate ever made does. Else history is lost, and we say so rather than guess.
/// </remarks>
internal sealed class Succession(Naming naming)
{
    private readonly SortedSet<Candidate> _standing = new(Comparer<Candidate>.Create((left, right) => left.Contender.CompareTo(right.Contender)));
    private readonly Dictionary<string, Candidate> _byName = new(StringComparer.Ordinal);

    // Leaders in order, null for nobody, of whom the observer was not told yet. The first may still have to be read.
    private readonly Queue<Candidate?> _untold = [];
    private long? _creations;
    private long _incarnation;
    private Candidate? _leading;
    private Leader? _told;
    private bool _hasTold;

    /// <summary>Changes were missed that nobody can tell any more.</summary>
    public bool IsHistoryLost { get; private set; }

    /// <summary>The watch was interrupted: the next list may hide changes.</summary>
    public bool HasGap { get; private set; }

    public void Interrupt() => HasGap = true;

    public void Apply(Sighting sighting)
    {
        switch (sighting)
        {
            case Sighting.Listed listed:
                Take(listed);
                break;
            case Sighting.Created created:
                _creations++;
                Add(created.Name);
                Conclude();
                break;
            case Sighting.Deleted deleted:
                Remove(deleted.Name);
                Conclude();
                break;
            case Sighting.Read read:
                if (!_byName.TryGetValue(read.Name, out var candidate))
                    break;
                candidate.Leader = read.Leader;
                if (candidate == _leading && _untold.Count == 0)
                    _untold.Enqueue(candidate); // told already: what it published may have changed
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    /// <summary>The next change, if it is known whole.</summary>
    public bool TryTell(out Leader? leader)
    {
        leader = null;
        while (!IsHistoryLost && _untold.TryPeek(out var next))
        {
            if (next is { Leader: null, IsGone: false })
                return false; // being read
            if (next is { Leader: null, IsGone: true })
            {
                // Before the first word the observation may as well begin later.
                IsHistoryLost = _hasTold;
                _untold.Dequeue();
                continue;
            }

            _untold.Dequeue();
            leader = next?.Leader;
            if (_hasTold && leader == _told)
                continue;
            (_told, _hasTold) = (leader, true);
            return true;
        }

        return false;
    }

    private void Take(Sighting.Listed listed)
    {
        var isFirst = _creations is null;
        if (HasGap && !isFirst)
            IsHistoryLost |= !IsBridged(listed);
        var names = listed.Names.ToHashSet(StringComparer.Ordinal);
        foreach (var gone in _byName.Keys.Where(name => !names.Contains(name)).ToArray())
            Remove(gone);
        foreach (var name in names)
            Add(name);
        (_creations, _incarnation, HasGap) = (listed.Creations, listed.Incarnation, false);
        if (isFirst && _standing.Count == 0)
            _untold.Enqueue(null);
        Conclude();
    }

    // Judged before the list is taken in.
    private bool IsBridged(Sighting.Listed listed)
    {
        if (_leading is not null && listed.Names.Contains(_leading.Contender.Name, StringComparer.Ordinal))
            return true;

        var first = Standing.FirstOf(listed.Names, naming);
        var nothingWasMade = listed.Creations == _creations && listed.Incarnation == _incarnation;
        if (_leading is null)
        {
            // There was nobody. A candidate whose number is the next one had nobody between.
            var isSameNode = _incarnation == 0 || listed.Incarnation == _incarnation;
            return first is { } made ? isSameNode && made.Number == _creations : nothingWasMade;
        }

        var behind = _standing.Skip(1).FirstOrDefault();
        return behind is not null ? first == behind.Contender : first is null && nothingWasMade;
    }

    private void Conclude()
    {
        var first = _standing.Min;
        if (first == _leading)
            return;
        _leading = first;
        _untold.Enqueue(first);
    }

    private void Add(string name)
    {
        if (!naming.TryParse(name, out var contender) || _byName.ContainsKey(name))
            return;
        var candidate = new Candidate(contender);
        _byName.Add(name, candidate);
        _standing.Add(candidate);
    }

    private void Remove(string name)
    {
        if (!_byName.Remove(name, out var candidate))
            return;
        _standing.Remove(candidate);
        candidate.IsGone = true; // a reading that has not come by now will not come
    }

    private sealed class Candidate(Contender contender)
    {
        public Contender Contender { get; } = contender;

        public Leader? Leader { get; set; }

        public bool IsGone { get; set; }
    }
}

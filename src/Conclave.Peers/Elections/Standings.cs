using Conclave.Store;

namespace Conclave.Peers;

/// <summary>Who stands in one election, the first of whom leads, and the chain of leaders that observers walk. Pure; guarded by its <see cref="ElectionBoard"/>.</summary>
internal sealed class Standings
{
    private readonly SortedDictionary<Revision, (string Key, Leader Leader)> _byCreation = [];
    private readonly Dictionary<string, Revision> _byKey = new(StringComparer.Ordinal);

    /// <summary>The newest link of the chain: the leader as last told.</summary>
    public LeaderChange Latest { get; private set; } = new(null);

    public int Observers { get; set; }

    public bool IsUnused => _byKey.Count == 0 && Observers == 0;

    /// <summary>Who leads; null: nobody stands.</summary>
    public (string Key, Leader Leader)? First => _byCreation.Count == 0 ? null : _byCreation.First().Value;

    public IEnumerable<string> Keys => _byKey.Keys;

    public void Put(string key, Revision created, Leader leader)
    {
        Remove(key);
        _byKey.Add(key, created);
        _byCreation.Add(created, (key, leader));
    }

    public bool Remove(string key) => _byKey.Remove(key, out var created) && _byCreation.Remove(created);

    /// <summary>Tells observers, if the leader is another than they know.</summary>
    public void Tell()
    {
        var leader = First?.Leader;
        if (leader != Latest.Leader)
            Latest = Latest.Follow(new LeaderChange(leader));
    }

    /// <summary>What happened since was not seen: observers hear so, and the chain starts anew.</summary>
    public void Break()
    {
        Latest.Break();
        Latest = new LeaderChange(First?.Leader);
    }
}

/// <summary>One leader in the chain of an election, and the way to the next. What all observers have passed is collected. Thread-safe.</summary>
internal sealed class LeaderChange(Leader? leader)
{
    private readonly TaskCompletionSource<LeaderChange?> _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Leader? Leader { get; } = leader;

    /// <summary>Null: the chain is broken, what follows is not known.</summary>
    public Task<LeaderChange?> Next => _next.Task;

    public LeaderChange Follow(LeaderChange next)
    {
        _next.TrySetResult(next);
        return next;
    }

    public void Break() => _next.TrySetResult(null);
}

/// <summary>One candidacy of this instance as the applied log has it. Thread-safe.</summary>
internal sealed class Place
{
    private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _gone = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends when nobody stands before it. Applied here means committed, so that stays true until <see cref="Gone"/>.</summary>
    public Task First => _first.Task;

    /// <summary>Ends when it stood and does no longer, whoever removed it.</summary>
    public Task Gone => _gone.Task;

    public bool Stood { get; set; }

    public void BecomeFirst() => _first.TrySetResult();

    public void Go() => _gone.TrySetResult();
}

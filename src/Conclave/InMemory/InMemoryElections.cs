using System.Collections.Concurrent;

namespace Conclave;

/// <summary>
/// Elections among candidates of one process, by name. The candidate that has stood longest leads; there is no lease, so a leadership ends only when it is resigned or its election disposed.
/// Thread-safe. Tokens grow per election as long as this object lives: after a restart of the process they start again from 1.
/// </summary>
public sealed class InMemoryElections
{
    private readonly ConcurrentDictionary<string, InMemoryContest> _contests = new(StringComparer.Ordinal);

    /// <summary>One for the whole process, also for several hosts in it.</summary>
    public static InMemoryElections Shared { get; } = new();

    /// <summary>A new candidate in the election of this name.</summary>
    /// <param name="name">What the candidates compete for.</param>
    /// <param name="value">What is published when it leads.</param>
    public ILeaderElection Join(string name, string value)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(value);
        return new InMemoryElection(ContestOf(name), value);
    }

    internal InMemoryContest ContestOf(string name) => _contests.GetOrAdd(name, static name => new InMemoryContest(name));
}

/// <summary>Who stands in one election, in the order of standing; the first leads. Thread-safe.</summary>
internal sealed class InMemoryContest(string name)
{
    private readonly Lock _gate = new();
    private readonly LinkedList<InMemoryCandidacy> _standing = [];
    private long _lastToken;

    public string Name { get; } = name;

    public LeaderFeed Feed { get; } = new();

    /// <summary>How many stand, the leader among them.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
                return _standing.Count;
        }
    }

    /// <summary>Goes to the end of the line; elected at once when there is none.</summary>
    public void Stand(InMemoryCandidacy candidacy)
    {
        lock (_gate)
        {
            _standing.AddLast(candidacy);
            ElectFirst();
        }
    }

    /// <summary>Stands only if nobody else does.</summary>
    public bool TryStand(InMemoryCandidacy candidacy)
    {
        lock (_gate)
        {
            if (_standing.Count > 0)
                return false;
            _standing.AddLast(candidacy);
            ElectFirst();
            return true;
        }
    }

    /// <summary>Leaves the line. When it was the leader's, the next leads in the same step, so observers see no vacancy between them.</summary>
    public void Withdraw(InMemoryCandidacy candidacy)
    {
        lock (_gate)
        {
            if (_standing.Remove(candidacy))
                ElectFirst();
        }
    }

    private void ElectFirst()
    {
        if (_standing.First?.Value is not { } first)
        {
            Feed.Tell(null);
            return;
        }

        if (first.Elected.Task.IsCompleted)
            return;
        var leader = new Leader(first.Value, new FencingToken(++_lastToken));
        Feed.Tell(leader);
        first.Elected.SetResult(leader);
    }
}

/// <summary>One stay in the line.</summary>
internal sealed class InMemoryCandidacy(string value)
{
    public string Value { get; } = value;

    public TaskCompletionSource<Leader> Elected { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}

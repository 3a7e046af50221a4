namespace Conclave.Orchestration.Gateway;

/// <summary>The instances of one service that get new requests, and the wait for one when there is none.</summary>
internal sealed class ServicePool(string name)
{
    private Backend[] _available = [];
    private TaskCompletionSource? _change;

    public string Name { get; } = name;

    /// <summary>
    /// Power of two choices: of two random instances the one with fewer requests in flight. Nearly as even as looking at all of them,
    /// without every gateway running to the same least loaded one. Those that this request has tried are avoided while there are others.
    /// </summary>
    public Backend? Choose(List<Backend>? tried)
    {
        var available = Volatile.Read(ref _available);
        if (tried is { Count: > 0 })
        {
            var fresh = available.Where(b => !tried.Contains(b)).ToArray();
            if (fresh.Length > 0) available = fresh;
        }

        if (available.Length == 0) return null;
        if (available.Length == 1) return available[0];
        var first = Random.Shared.Next(available.Length);
        var second = Random.Shared.Next(available.Length - 1);
        if (second >= first) second++;
        return available[second].InFlight < available[first].InFlight ? available[second] : available[first];
    }

    /// <summary>Completes at the next change of the pool. Take it before looking, or a change in between is missed.</summary>
    public Task Change
    {
        get
        {
            var change = Volatile.Read(ref _change);
            if (change is not null) return change.Task;
            var mine = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return (Interlocked.CompareExchange(ref _change, mine, null) ?? mine).Task;
        }
    }

    /// <summary>Swaps them in whole; gives back those there were.</summary>
    public Backend[] Replace(Backend[] available)
    {
        var before = Interlocked.Exchange(ref _available, available);
        Interlocked.Exchange(ref _change, null)?.TrySetResult();
        return before;
    }
}

using System.Runtime.CompilerServices;

namespace Conclave;

/// <summary>
/// The leaders of one election in their order, for any number of observers, none of whom misses or repeats a change: each walks a chain of changes at its own pace, and what all have passed
/// is collected. Thread-safe; changes are told by one thread at a time.
/// </summary>
internal sealed class LeaderFeed
{
    private volatile Change _latest = new(null);

    public Leader? Leader => _latest.Leader;

    /// <summary>Tells a change; what is no change is not told.</summary>
    public void Tell(Leader? leader)
    {
        var before = _latest;
        if (before.Leader == leader)
            return;
        var change = new Change(leader);
        _latest = change;
        before.Next.SetResult(change);
    }

    public async IAsyncEnumerable<Leader?> ObserveAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        for (var change = _latest; ; change = await change.Next.Task.WaitAsync(cancellation).ConfigureAwait(false))
        {
            cancellation.ThrowIfCancellationRequested();
            yield return change.Leader;
        }
    }

    private sealed class Change(Leader? leader)
    {
        public Leader? Leader { get; } = leader;

        public TaskCompletionSource<Change> Next { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

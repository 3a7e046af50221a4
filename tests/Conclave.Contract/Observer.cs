namespace Conclave.Contract;

/// <summary>An observer that writes down what it is told.</summary>
public sealed class Observer : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Leader?> _seen = [];
    private readonly Task _observing;

    public Observer(ILeaderElection election) => _observing = Task.Run(() => ObserveAsync(election));

    public IReadOnlyList<Leader?> Seen
    {
        get
        {
            lock (_seen)
                return [.. _seen];
        }
    }

    /// <summary>Awaits a condition on what was seen; if the observation fails, so does this.</summary>
    public Task UntilAsync(string condition, Func<IReadOnlyList<Leader?>, bool> holds) => Awaited.UntilAsync(condition, async () =>
    {
        if (_observing.IsCompleted)
            await _observing;
        return holds(Seen);
    });

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _observing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task ObserveAsync(ILeaderElection election)
    {
        await foreach (var leader in election.ObserveAsync(_stop.Token))
        {
            lock (_seen)
                _seen.Add(leader);
        }
    }
}

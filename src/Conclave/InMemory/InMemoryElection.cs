namespace Conclave;

/// <summary>One candidate of an <see cref="InMemoryContest"/>.</summary>
internal sealed class InMemoryElection(InMemoryContest contest, string value) : ILeaderElection
{
    private readonly CancellationTokenSource _withdrawn = new();
    private readonly Lock _gate = new();
    private Task _campaign = Task.CompletedTask;
    private Leadership? _held;
    private bool _disposed;

    public string Name => contest.Name;

    public Guarantee Guarantee => Guarantee.Exclusive;

    public async Task<Leadership> CampaignAsync(CancellationToken cancellation)
    {
        var (ended, withdrawn) = Begin(cancellation);
        using (withdrawn)
        {
            var candidacy = new InMemoryCandidacy(value);
            try
            {
                withdrawn.Token.ThrowIfCancellationRequested();
                contest.Stand(candidacy);
                return Lead(candidacy, await candidacy.Elected.Task.WaitAsync(withdrawn.Token).ConfigureAwait(false));
            }
            catch (OperationCanceledException)
            {
                // It may have been elected in the same moment; then the next is.
                contest.Withdraw(candidacy);
                throw;
            }
            finally
            {
                ended.SetResult();
            }
        }
    }

    public async Task<Leadership?> TryCampaignAsync(CancellationToken cancellation)
    {
        var (ended, withdrawn) = Begin(cancellation);
        using (withdrawn)
        {
            try
            {
                withdrawn.Token.ThrowIfCancellationRequested();
                var candidacy = new InMemoryCandidacy(value);
                return contest.TryStand(candidacy) ? Lead(candidacy, await candidacy.Elected.Task.ConfigureAwait(false)) : null;
            }
            finally
            {
                ended.SetResult();
            }
        }
    }

    public IAsyncEnumerable<Leader?> ObserveAsync(CancellationToken cancellation) => contest.Feed.ObserveAsync(cancellation);

    public Task<Leader?> GetLeaderAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        return Task.FromResult(contest.Feed.Leader);
    }

    public async ValueTask DisposeAsync()
    {
        Task campaign;
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            campaign = _campaign;
        }

        await _withdrawn.CancelAsync().ConfigureAwait(false);
        await campaign.ConfigureAwait(false);
        if (_held is { } held)
            await held.DisposeAsync().ConfigureAwait(false);
        _withdrawn.Dispose();
    }

    /// <summary>One campaign at a time, ended by disposal.</summary>
    private (TaskCompletionSource Ended, CancellationTokenSource Withdrawn) Begin(CancellationToken cancellation)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_campaign.IsCompleted)
                throw new InvalidOperationException($"A campaign in {Name} is under way already. Join the election again for a second candidate.");
            if (_held is { IsHeld: true })
                throw new InvalidOperationException($"{Name} is led by this candidate already. Resign first, or join the election again for a second candidate.");
            var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _campaign = ended.Task;
            return (ended, CancellationTokenSource.CreateLinkedTokenSource(cancellation, _withdrawn.Token));
        }
    }

    private Leadership Lead(InMemoryCandidacy candidacy, Leader leader)
    {
        var source = new LeadershipSource(Name, leader, lease: null, () =>
        {
            contest.Withdraw(candidacy);
            return Task.FromResult(ResignResult.Released);
        });
        _held = source.Leadership;
        return source.Leadership;
    }
}

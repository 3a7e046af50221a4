namespace Conclave;

/// <summary>
/// A candidate's part in its election, for those who write a backend: one campaign at a time, none while its leadership is held or being given back, and all of it ended by disposal. Thread-safe.
/// </summary>
/// <param name="election">The election's name, for messages.</param>
/// <param name="remedy">What a program does that wants a second candidate, as a sentence.</param>
public sealed class Participation(string election, string remedy) : IAsyncDisposable
{
    private readonly CancellationTokenSource _withdrawn = new();
    private readonly Lock _gate = new();
    private Task _campaign = Task.CompletedTask;
    private Leadership? _held;
    private bool _disposed;

    /// <summary>Runs a campaign of either kind, which returns a <see cref="Leadership"/> or null, and keeps the leadership that comes of it.</summary>
    /// <param name="campaign">Its token is cancelled by the caller and by disposal; it must leave no candidacy behind then.</param>
    /// <param name="cancellation">The caller's.</param>
    /// <exception cref="InvalidOperationException">The candidate campaigns, or leads, already.</exception>
    public async Task<T> CampaignAsync<T>(Func<CancellationToken, Task<T>> campaign, CancellationToken cancellation)
        where T : class?
    {
        ArgumentNullException.ThrowIfNull(campaign);
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var withdrawn = Begin(ended.Task, cancellation);
        try
        {
            withdrawn.Token.ThrowIfCancellationRequested();
            var elected = await campaign(withdrawn.Token).ConfigureAwait(false);
            if (elected is Leadership leadership)
                _held = leadership;
            return elected;
        }
        finally
        {
            ended.SetResult(); // whoever takes part next, or disposes, has waited for this and sees what is held
        }
    }

    /// <summary>Withdraws from a campaign and waits for its end; resigns from a leadership, which is lost to its holder before this returns.</summary>
    public async ValueTask DisposeAsync()
    {
        Task campaign;
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            campaign = _campaign;
            if (campaign.IsCompleted)
                _held?.Lose(LossReason.Resigned); // at once, also for those who do not wait for the rest
        }

        await _withdrawn.CancelAsync().ConfigureAwait(false);
        await campaign.ConfigureAwait(false);
        if (_held is { } held)
            await held.DisposeAsync().ConfigureAwait(false);
        _withdrawn.Dispose();
    }

    private CancellationTokenSource Begin(Task campaign, CancellationToken cancellation)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_campaign.IsCompleted)
                throw new InvalidOperationException($"A campaign in {election} is under way already. {remedy}");

            // A resignation under way will take back the very place that a campaign might find and take for its own.
            if (_held is { } held && (held.IsHeld || held.IsResigning))
                throw new InvalidOperationException($"{election} is led by this candidate already. Resign first. {remedy}");
            _campaign = campaign;
            return CancellationTokenSource.CreateLinkedTokenSource(cancellation, _withdrawn.Token);
        }
    }
}

namespace Conclave;

/// <summary>
/// Mutual exclusion between all processes that name the same lock: an election whose leader is the holder. Within the process callers take turns; between processes whoever has waited longest is next, and a
/// process that released goes to the end of the line. Thread-safe.
/// </summary>
/// <remarks>
/// It guards as an election does and no further: a holder that was stopped does not know that its hold is over, so what is guarded must check <see cref="LockHold.FencingToken"/>.
/// A lock that only saves work needs no check.
/// </remarks>
/// <param name="election">Of the lock's name; nobody else may campaign through it. Not disposed with the lock.</param>
public sealed class DistributedLock(ILeaderElection election) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>The lock's name.</summary>
    public string Name => election.Name;

    /// <summary>Waits until it is held, however long that takes.</summary>
    /// <exception cref="OperationCanceledException">No longer waited for. Nothing is held.</exception>
    /// <exception cref="ElectionException">The backend refused for a reason that waiting cannot cure.</exception>
    public async Task<LockHold> AcquireAsync(CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return new LockHold(await election.CampaignAsync(cancellation).ConfigureAwait(false), _turn);
        }
        catch
        {
            _turn.Release();
            throw;
        }
    }

    /// <summary>Holds it if nobody does; null when somebody does, in this process or another.</summary>
    /// <exception cref="ElectionUnavailableException">The backend did not answer. Nothing is held.</exception>
    public async Task<LockHold?> TryAcquireAsync(CancellationToken cancellation)
    {
        if (!await _turn.WaitAsync(TimeSpan.Zero, cancellation).ConfigureAwait(false))
            return null;
        LockHold? hold = null;
        try
        {
            if (await election.TryCampaignAsync(cancellation).ConfigureAwait(false) is { } leadership)
                hold = new LockHold(leadership, _turn);
            return hold;
        }
        finally
        {
            if (hold is null)
                _turn.Release();
        }
    }

    /// <summary>Frees the line within the process. Holds still out may be released after it.</summary>
    public void Dispose() => _turn.Dispose();
}

/// <summary>A lock while it is held. Dispose it to release; until then nobody else in this process gets the lock, even if the hold was lost. Thread-safe.</summary>
public sealed class LockHold : IAsyncDisposable
{
    private readonly Leadership _leadership;
    private readonly SemaphoreSlim _turn;
    private int _released;

    internal LockHold(Leadership leadership, SemaphoreSlim turn) => (_leadership, _turn) = (leadership, turn);

    /// <summary>Higher than that of every earlier hold of this lock.</summary>
    public FencingToken FencingToken => _leadership.FencingToken;

    /// <summary>Cancelled once, when the lock is no longer held for whatever reason, as <see cref="Leadership.Lost"/> is.</summary>
    public CancellationToken Lost => _leadership.Lost;

    /// <summary>Reads the clock at this moment. Ask before each act.</summary>
    public bool IsHeld => _leadership.IsHeld;

    /// <summary>When it ends unless it is renewed before; null with a backend that has no lease.</summary>
    public Instant? EndsAt => _leadership.EndsAt;

    /// <exception cref="LeadershipLostException">It is no longer held.</exception>
    public void ThrowIfLost() => _leadership.ThrowIfLost();

    /// <summary>Releases; the next holder comes within a round trip. A backend that does not answer leaves it to the TTL.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _released, 1) != 0)
            return;
        try
        {
            await _leadership.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            try
            {
                _turn.Release();
            }
            catch (ObjectDisposedException)
            {
                // The lock was disposed first; nobody waits in this process.
            }
        }
    }
}

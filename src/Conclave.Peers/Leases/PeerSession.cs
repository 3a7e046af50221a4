namespace Conclave.Peers;

/// <summary>
/// Keeps one lease for all candidacies of this process that agree about its length: ten thousand elections, one renewal. The lease is asked for at the first campaign, and a new one when it was lost. Thread-safe.
/// </summary>
internal sealed class PeerSession(PeerGroup group, LeaseOptions options) : IAsyncDisposable
{
    private readonly SemaphoreSlim _granting = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly List<(PeerLease Lease, Task Running)> _leases = [];
    private bool _disposed;

    /// <summary>A lease that is held now. One attempt: silence is the caller's to repeat.</summary>
    /// <exception cref="NoAnswerException">No majority answered.</exception>
    public async Task<PeerLease> EnterLeaseAsync(CancellationToken cancellation)
    {
        await _granting.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                Forget();
                if (_leases.Count > 0 && _leases[^1].Lease.Timer.IsHeld)
                    return _leases[^1].Lease;
            }

            var granted = await group.GrantLeaseAsync(options, cancellation).ConfigureAwait(false);
            lock (_gate)
            {
                // Disposed meanwhile: nothing stands under the lease and nobody renews it.
                ObjectDisposedException.ThrowIf(_disposed, this);
                _leases.Add((granted, granted.RunAsync(group.Options.WithdrawTimeout, _stopping.Token)));
            }

            return granted;
        }
        finally
        {
            _granting.Release();
        }
    }

    /// <summary>Gives the lease back, which ends every candidacy under it at once.</summary>
    public async ValueTask DisposeAsync()
    {
        (PeerLease Lease, Task Running)[] leases;
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            leases = [.. _leases];
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        foreach (var (lease, running) in leases)
        {
            await running.ConfigureAwait(false);
            lease.Dispose();
        }

        _stopping.Dispose();
    }

    private void Forget()
    {
        foreach (var over in _leases.Where(held => held.Running.IsCompletedSuccessfully).ToArray())
        {
            _leases.Remove(over);
            over.Lease.Dispose();
        }
    }
}

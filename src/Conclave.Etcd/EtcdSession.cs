using Conclave.Wire.Etcd;

namespace Conclave.Etcd;

/// <summary>
/// Keeps a lease alive for all elections that a program takes part in through one client: ten thousand elections, one renewal. Thread-safe.
/// The lease is asked for at the first campaign, and a new one when it was lost. Disposing revokes it, which ends every candidacy at once; dispose
/// it before the client.
/// </summary>
public sealed class EtcdSession : IAsyncDisposable
{
    private readonly SemaphoreSlim _granting = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly List<(EtcdLease Lease, Task Running)> _leases = [];
    private bool _disposed;

    /// <param name="client">Shared, and not disposed with the session.</param>
    /// <param name="options">Checked here.</param>
    public EtcdSession(EtcdClient client, EtcdSessionOptions? options = null)
        : this(client, options ?? new EtcdSessionOptions(), BootTime.Provider) { }

    internal EtcdSession(EtcdClient client, EtcdSessionOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        (Client, Options, Time) = (client, options, time);
    }

    internal EtcdClient Client { get; }

    internal EtcdSessionOptions Options { get; }

    internal TimeProvider Time { get; }

    internal RetryBackoff NewBackoff() => new(Options.RetryIntervalMin, Options.RetryIntervalMax, Time);

    /// <summary>Stops renewing and revokes; a server that stays silent is waited for no longer than <see cref="EtcdSessionOptions.WithdrawTimeout"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        (EtcdLease Lease, Task Running)[] leases;
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

    /// <summary>A lease that is held now, with one more candidacy counted on it. One attempt: faults are the caller's to repeat.</summary>
    internal async Task<EtcdLease> EnterLeaseAsync(CancellationToken cancellation)
    {
        await _granting.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                Forget();
                if (_leases.Select(held => held.Lease).LastOrDefault() is { } current && current.TryEnter())
                    return current;
            }

            var granted = await EtcdLease.GrantAsync(Client, Options, Time, cancellation).ConfigureAwait(false);
            lock (_gate)
            {
                // Disposed meanwhile: nothing stands under the lease and nobody renews it.
                ObjectDisposedException.ThrowIf(_disposed, this);
                if (!granted.TryEnter())
                    throw new TimeoutException("The answer to the lease's grant came too late for the lease to be of use.");
                _leases.Add((granted, granted.RunAsync(_stopping.Token)));
            }

            return granted;
        }
        finally
        {
            _granting.Release();
        }
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

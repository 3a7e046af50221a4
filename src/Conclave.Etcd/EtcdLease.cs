using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Etcd;

/// <summary>
/// One lease in etcd and the loop that renews it. Carries any number of candidacies; the session hands it out until it is <em>retired</em>.
/// </summary>
/// <remarks>
/// Why a lease is retired. (1) A candidate's creation is sent and no answer comes. (2) The campaign is cancelled, the key deleted.
/// (3) The creation, delayed on its way, is applied now: a ghost, kept alive by our own renewals, that nobody waits for. No delete can rule this out;
/// revoking the lease can, because a creation under a lease that is gone is refused. But others may lead on the same lease. So no new candidacy
/// enters it, ghosts are swept while it lives, and the last one to leave revokes it.
/// </remarks>
internal sealed class EtcdLease : IDisposable
{
    private readonly EtcdClient _client;
    private readonly EtcdSessionOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _unused = new();
    private readonly HashSet<ByteString> _ghosts = [];
    private int _users;
    private bool _retired;
    private bool _disposed;

    private EtcdLease(EtcdClient client, EtcdSessionOptions options, TimeProvider time, long id, LeaseClock clock)
    {
        (_client, _options, _time, Id) = (client, options, time, id);
        Timer = new LeaseTimer(clock, time);
    }

    public long Id { get; }

    public LeaseTimer Timer { get; }

    /// <summary>Asks for a lease. When the answer is lost, so is the lease: nothing is attached to it and it ends by its TTL.</summary>
    public static async Task<EtcdLease> GrantAsync(EtcdClient client, EtcdSessionOptions options, TimeProvider time, CancellationToken cancellation)
    {
        var sentAt = Instant.Now(time);
        var seconds = (long)Math.Ceiling(options.Lease.Ttl.TotalSeconds);
        var granted = await client.LeaseGrantAsync(new LeaseGrantRequest { TTL = seconds }, cancellation).ConfigureAwait(false);
        return new EtcdLease(client, options, time, granted.ID, LeaseClock.Start(sentAt, TimeSpan.FromSeconds(granted.TTL), options.Lease));
    }

    /// <summary>Counts one more candidacy; false when the lease takes no more.</summary>
    public bool TryEnter()
    {
        lock (_gate)
        {
            if (_retired || !Timer.IsHeld)
                return false;
            _users++;
            return true;
        }
    }

    /// <summary>One candidacy has left without doubt.</summary>
    public void Leave()
    {
        lock (_gate)
        {
            _users--;
            RevokeIfUnused();
        }
    }

    /// <summary>One candidacy has left, and what stands under its key, now or later, is not known.</summary>
    public void LeaveInDoubt(ByteString key)
    {
        lock (_gate)
        {
            _users--;
            _retired = true;
            _ghosts.Add(key);
            RevokeIfUnused();
        }
    }

    /// <summary>Renews until the lease is over, no longer used or <paramref name="stopping"/>; then gives it back as well as it can.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stopping, Timer.Ended, _unused.Token);
        try
        {
            await Task.WhenAll(RenewAsync(over.Token), SweepAsync(over.Token)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // One of the three ends above.
        }

        Timer.End();
        if (!Timer.Clock.IsRefused)
            await RevokeAsync().ConfigureAwait(false);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _disposed = true; // candidacies may leave later than their lease
            _unused.Dispose();
        }

        Timer.Dispose();
    }

    private async Task RenewAsync(CancellationToken over)
    {
        while (true)
        {
            var due = Timer.Clock.RenewAt - Instant.Now(_time);
            if (due > TimeSpan.Zero)
                await Task.Delay(due, _time, over).ConfigureAwait(false);

            var renewal = await AskAsync(over).ConfigureAwait(false);
            if (!Timer.Apply(renewal))
                return;

            // The clock has not moved, so the renewal is still due: without a pause an endpoint that refuses connections would be hammered.
            if (renewal is Renewal.Unknown)
                await Task.Delay(_options.RetryIntervalMin, _time, over).ConfigureAwait(false);
        }
    }

    private async Task<Renewal> AskAsync(CancellationToken over)
    {
        // Read before the client's first attempt: it may need several, at several endpoints, and says nothing about which one was answered.
        // How long each may take is the client's rule, because only a timeout of its own makes it turn to the next endpoint.
        var sentAt = Instant.Now(_time);
        try
        {
            var answer = await _client.LeaseKeepAliveAsync(Id, over).ConfigureAwait(false);
            return answer.TTL > 0 ? new Renewal.Granted(sentAt, TimeSpan.FromSeconds(answer.TTL)) : new Renewal.Refused();
        }
        catch (Exception fault) when (EtcdFault.IsLeaseGone(fault))
        {
            return new Renewal.Refused();
        }
        catch (EtcdException)
        {
            // Whatever else the server says, it is not that the lease is gone; the clock decides.
            return new Renewal.Unknown();
        }
    }

    private async Task SweepAsync(CancellationToken over)
    {
        var interval = _options.Lease.Ttl / _options.Lease.RenewalsPerTtl;
        while (true)
        {
            await Task.Delay(interval, _time, over).ConfigureAwait(false);
            ByteString[] ghosts;
            lock (_gate)
                ghosts = [.. _ghosts];
            foreach (var key in ghosts)
            {
                try
                {
                    await _client.TxnAsync(ElectionKeys.WithdrawAny(key, Id), over).ConfigureAwait(false);
                }
                catch (EtcdException)
                {
                    break; // swept again after the interval, until the lease ends
                }
            }
        }
    }

    private async Task RevokeAsync()
    {
        using var patience = new CancellationTokenSource(_options.WithdrawTimeout);
        try
        {
            await _client.LeaseRevokeAsync(new LeaseRevokeRequest { ID = Id }, patience.Token).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is EtcdException or OperationCanceledException or ObjectDisposedException)
        {
            // Gone already, or the server is silent: it ends the lease by its TTL.
        }
    }

    private void RevokeIfUnused()
    {
        if (_retired && _users == 0 && !_disposed)
            _ = _unused.CancelAsync(); // only our own loop listens; it must not run under the lock
    }
}

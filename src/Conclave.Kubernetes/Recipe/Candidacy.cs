using System.Diagnostics.CodeAnalysis;
using Conclave.Kubernetes.Wire;

namespace Conclave.Kubernetes;

/// <summary>
/// One candidacy for one Lease: waiting until it is free, taking it, renewing it, noticing that another has it, giving it back. Its identity is made for it alone, so it can
/// take no other's leadership for its own, not even that of an earlier candidacy of the same program. One task at a time drives it, but for <see cref="WithdrawAsync"/>, which comes last.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "WithdrawAsync, which every candidacy ends with, disposes it.")]
internal sealed class Candidacy(KubernetesClient client, string election, string leaseName, KubernetesElectionOptions options)
{
    // Somebody who writes the object all the time, without wanting to lead, is given way to so often in a row.
    private const int RenewalAttemptsMax = 10;

    private readonly string _identity = $"{options.Identity}_{Guid.NewGuid():n}";
    private readonly CancellationTokenSource _stopping = new();
    private Task _running = Task.CompletedTask;
    private LeaseTimer? _timer;
    private LeaseObject? _held;

    // The version that an acquisition was made from whose answer is missing. As long as that version is the stored one, the acquisition may still be on its way.
    private string? _doubtful;

    private LeaseApi Api => client.Api;

    private TimeProvider Time => client.Time;

    private TimeSpan Ttl => options.Lease.Ttl;

    public LeaseTimer Timer => _timer ?? throw new InvalidOperationException("The candidacy has not won.");

    public Leader Leader => LeaseRecord.ToLeader(_held) ?? throw new InvalidOperationException("The candidacy has not won.");

    /// <summary>Waits until nobody holds the Lease, then takes it.</summary>
    /// <exception cref="ElectionException">The Lease is not one that an election can be kept in.</exception>
    public async Task<bool> WaitForTurnAsync(CancellationToken withdrawn)
    {
        var feed = new LeaseFeed(Api, leaseName, client.Options, Time, withdrawn);
        await using (feed.ConfigureAwait(false))
            return await WaitForTurnAsync(feed, withdrawn).ConfigureAwait(false);
    }

    /// <summary>Takes the Lease if nobody holds it, asked once.</summary>
    /// <param name="see">Compares what is read with what was read before.</param>
    /// <param name="cancellation">Ends the asking of a silent server.</param>
    public async Task<bool> TryTakeAsync(Func<LeaseObject?, LeaseSight> see, CancellationToken cancellation)
    {
        var backoff = client.NewBackoff();
        while (true)
        {
            try
            {
                var sight = see(await Api.ReadAsync(leaseName, cancellation).ConfigureAwait(false));
                Require(sight.Lease);
                if (!MayTake(sight))
                    return false;
                if (await TakeAsync(sight.Lease, cancellation).ConfigureAwait(false))
                    return true;
            }
            catch (NoAnswerException)
            {
                await backoff.PauseAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Renews, and watches the Lease under the leadership, until that is over.</summary>
    public void Hold(LeadershipSource leadership) => _running = HoldAsync(leadership);

    /// <summary>
    /// Gives the Lease back if we have it, or may have it. Never throws for a silent server, and is unknown then, while it is tried on in the background. To be called once.
    /// </summary>
    public async Task<ResignResult> WithdrawAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _stopping.Dispose();
        _timer?.End();
        if (_held is null && _doubtful is null)
            return ResignResult.Released;
        if (!client.TryKeep(ReleaseAsync, out var release))
            return ResignResult.Unknown;
        try
        {
            return await release.WaitAsync(client.Options.WithdrawTimeout, Time).ConfigureAwait(false) ? ResignResult.Released : ResignResult.Unknown;
        }
        catch (TimeoutException)
        {
            return ResignResult.Unknown;
        }
    }

    private async Task<bool> WaitForTurnAsync(LeaseFeed feed, CancellationToken over)
    {
        var backoff = client.NewBackoff();
        LeaseSight? sight = null;
        LeaseSight? beaten = null; // where another was faster: the next sighting tells who
        var next = feed.NextAsync();
        while (true)
        {
            if (sight is not null && !ReferenceEquals(sight, beaten) && MayTake(sight))
            {
                try
                {
                    if (await TakeAsync(sight.Lease, over).ConfigureAwait(false))
                        return true;
                    beaten = sight;
                }
                catch (NoAnswerException)
                {
                    await backoff.PauseAsync(over).ConfigureAwait(false);
                }
            }

            // An attempt without answer is repeated at once, unless something was seen meanwhile.
            Instant? until = sight is null || ReferenceEquals(sight, beaten) ? null : sight.EndsAt ?? Instant.Now(Time);
            if (!await feed.ArrivedAsync(until, over).ConfigureAwait(false))
                continue;
            var lease = (await next.ConfigureAwait(false)).Lease;
            sight = LeaseSight.After(sight, lease, Instant.Now(Time));
            Require(lease);
            next = feed.NextAsync();
        }
    }

    // Our own identity in the Lease is an acquisition whose answer we did not get.
    private bool MayTake(LeaseSight sight) => sight.Lease?.Holder == _identity || sight.IsFreeAt(Instant.Now(Time));

    /// <summary>One attempt to become or, with our own identity in it, to stay the holder. False when another write was faster, or the answer came too late to be of use.</summary>
    private async Task<bool> TakeAsync(LeaseObject? lease, CancellationToken cancellation)
    {
        lease ??= await Api.CreateAsync(LeaseRecord.Unheld(leaseName, Api.Namespace, election, Time.GetUtcNow()), cancellation).ConfigureAwait(false);
        if (lease is null)
            return false;

        var sentAt = Instant.Now(Time);
        var now = Time.GetUtcNow();
        LeaseObject? written;
        try
        {
            written = await Api.ReplaceAsync(
                lease.Holder == _identity ? LeaseRecord.Renewed(lease, Ttl, now) : LeaseRecord.Acquired(lease, election, _identity, options.Value, Ttl, now),
                cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is not RefusedException)
        {
            _doubtful = lease.Version;
            throw;
        }

        if (written is null)
            return false; // perhaps by an earlier attempt of ours, so that one stays in doubt
        (_held, _doubtful) = (written, null);
        _timer?.Dispose();
        _timer = new LeaseTimer(LeaseClock.Start(sentAt, Ttl, options.Lease), Time);
        return _timer.IsHeld;
    }

    private async Task HoldAsync(LeadershipSource leadership)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, leadership.Leadership.Lost);
        await Task.WhenAll(RenewAsync(leadership, over.Token), WatchAsync(leadership, over.Token)).ConfigureAwait(false);
    }

    private async Task RenewAsync(LeadershipSource leadership, CancellationToken over)
    {
        var backoff = client.NewBackoff();
        try
        {
            while (true)
            {
                var due = Timer.Clock.RenewAt - Instant.Now(Time);
                if (due > TimeSpan.Zero)
                    await Task.Delay(due, Time, over).ConfigureAwait(false);

                var renewal = await AskAsync(over).ConfigureAwait(false);
                if (renewal is Renewal.Refused)
                    leadership.Lose(LossReason.Removed);
                if (!Timer.Apply(renewal))
                    return;
                if (renewal is Renewal.Granted)
                    backoff.Reset();
                else
                    await backoff.PauseAsync(over).ConfigureAwait(false); // the renewal is still due
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // The leadership is over.
        }
    }

    private async Task<Renewal> AskAsync(CancellationToken over)
    {
        try
        {
            for (var attempt = 0; attempt < RenewalAttemptsMax; attempt++)
            {
                var sentAt = Instant.Now(Time);
                if (await Api.ReplaceAsync(LeaseRecord.Renewed(_held!, Ttl, Time.GetUtcNow()), Ttl / options.Lease.RenewalsPerTtl, over).ConfigureAwait(false) is { } renewed)
                {
                    _held = renewed;
                    return new Renewal.Granted(sentAt, Ttl);
                }

                // Written by another: one who changed a label, or an earlier renewal of ours whose answer was lost. Or it is no longer ours.
                if (await Api.ReadAsync(leaseName, over).ConfigureAwait(false) is not { } current || current.Holder != _identity)
                    return new Renewal.Refused();
                _held = current;
            }

            return new Renewal.Unknown();
        }
        catch (Exception fault) when (KubernetesFault.IsFault(fault))
        {
            // Whatever else the server says, it is not that another holds the Lease: our clock decides.
            return new Renewal.Unknown();
        }
    }

    private async Task WatchAsync(LeadershipSource leadership, CancellationToken over)
    {
        var feed = new LeaseFeed(Api, leaseName, client.Options, Time, over);
        await using (feed.ConfigureAwait(false))
        {
            try
            {
                while (true)
                {
                    var lease = (await feed.NextAsync().ConfigureAwait(false)).Lease;
                    if (lease?.Holder == _identity)
                        continue;
                    leadership.Lose(LossReason.Removed);
                    return;
                }
            }
            catch (OperationCanceledException) when (over.IsCancellationRequested)
            {
                // The leadership is over.
            }
            catch (RefusedException)
            {
                // We may no longer watch: the renewals still tell whether we lead.
            }
        }
    }

    /// <summary>
    /// Repeated for one TTL: then others take the Lease anyway. An acquisition that may still be on its way is made void by a write to the version that it was made from; that version was
    /// free, so we may.
    /// </summary>
    /// <remarks>
    /// Nor can a renewal that was cancelled on its way take the Lease back. Each write names the <c>resourceVersion</c> that it was made from, and the server does one of those made from the same.
    /// That renewal was made from the last version that we know of, and so is this: if the renewal is first, we are refused, read what it wrote, which is ours still, and give that back; if we are
    /// first, it is refused. None is made later, because what renews has ended before this is called, and <c>Lost</c> was told before that.
    /// </remarks>
    private async Task<bool> ReleaseAsync(CancellationToken stopping)
    {
        using var late = new CancellationTokenSource(Ttl, Time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(late.Token, stopping);
        var backoff = client.NewBackoff();
        var current = _held;
        try
        {
            while (true)
            {
                try
                {
                    current ??= await Api.ReadAsync(leaseName, over.Token).ConfigureAwait(false);
                    if (current is null || (current.Holder != _identity && current.Version != _doubtful))
                        return true;
                    if (await Api.ReplaceAsync(LeaseRecord.Released(current, Time.GetUtcNow()), over.Token).ConfigureAwait(false) is not null)
                        return true;
                    current = null;
                }
                catch (NoAnswerException)
                {
                    await backoff.PauseAsync(over.Token).ConfigureAwait(false);
                }
            }
        }
        catch (Exception fault) when (fault is OperationCanceledException or RefusedException or ObjectDisposedException)
        {
            return false;
        }
    }

    private void Require(LeaseObject? lease) => LeaseFormat.Require(lease, election, Api.Namespace);
}

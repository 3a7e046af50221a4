using Conclave.Store;

namespace Conclave.Peers;

/// <summary>What a lease asks of the group.</summary>
internal interface ILeaseKeeper
{
    /// <exception cref="NoAnswerException">No majority answered.</exception>
    Task<CommandResult> RunAsync(Command command, CancellationToken cancellation);

    /// <summary>Answers once a majority has confirmed, later than this call, who counts the lease.</summary>
    Task<RenewalOutcome> RenewAsync(LeaseId lease, CancellationToken cancellation);
}

/// <summary>
/// One lease in the group and the loop that renews it. Carries any number of candidacies. The coordinator ends it a TTL after the last renewal that it counted, and a new coordinator a TTL after it took office, so
/// that one is certain which was counted, here, from before its request was sent.
/// </summary>
internal sealed class PeerLease : IDisposable
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);

    private readonly ILeaseKeeper _group;
    private readonly LeaseOptions _options;
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly List<Command> _toRepeat = [];
    private long _candidacies;

    private PeerLease(ILeaseKeeper group, LeaseOptions options, TimeProvider time, LeaseId id, LeaseClock clock)
    {
        (_group, _options, _time, Id) = (group, options, time, id);
        Timer = new LeaseTimer(clock, time);
    }

    public LeaseId Id { get; }

    public LeaseTimer Timer { get; }

    /// <summary>Asks for a lease. When the answer is lost, so is the lease: nothing is attached to it and it ends by its TTL.</summary>
    /// <exception cref="NoAnswerException">No majority answered, or too late.</exception>
    public static async Task<PeerLease> GrantAsync(ILeaseKeeper group, LeaseId id, LeaseOptions options, TimeProvider time, CancellationToken cancellation)
    {
        var sentAt = Instant.Now(time);
        var milliseconds = (long)Math.Ceiling(options.Ttl.TotalMilliseconds);
        if (await group.RunAsync(new Command.GrantLease(id, milliseconds), cancellation).ConfigureAwait(false) is not CommandResult.LeaseGranted granted)
            throw new NoAnswerException($"lease {id} exists already");
        var lease = new PeerLease(group, options, time, id, LeaseClock.Start(sentAt, TimeSpan.FromMilliseconds(granted.Ttl), options));
        if (lease.Timer.IsHeld)
            return lease;
        lease.Dispose();
        throw new NoAnswerException("the answer to the lease's grant came too late for the lease to be of use");
    }

    public CandidacyId NextCandidacy() => new(Id, Interlocked.Increment(ref _candidacies));

    /// <summary>Has a withdrawal that nobody answered repeated for as long as the lease lives; with the lease, what it withdraws is gone anyway.</summary>
    public void RepeatUntilAnswered(Command withdrawal)
    {
        lock (_gate)
            _toRepeat.Add(withdrawal);
    }

    /// <summary>Renews until the lease is over or <paramref name="stopping"/>; then gives it back, waiting no longer than <paramref name="patience"/>.</summary>
    public async Task RunAsync(TimeSpan patience, CancellationToken stopping)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stopping, Timer.Ended);
        try
        {
            await Task.WhenAll(RenewAsync(over.Token), RepeatAsync(over.Token)).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // One of the two ends above.
        }

        Timer.End();
        if (!Timer.Clock.IsRefused)
            await RevokeAsync(patience).ConfigureAwait(false);
    }

    public void Dispose() => Timer.Dispose();

    private TimeSpan Interval => _options.Ttl / _options.RenewalsPerTtl;

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

            // The clock has not moved, so the renewal is still due.
            if (renewal is Renewal.Unknown)
                await Task.Delay(Interval / 10, _time, over).ConfigureAwait(false);
        }
    }

    /// <summary>Asks once, and no longer than until the next one would be due: a new request counts from a later time than an old one that is answered late.</summary>
    private async Task<Renewal> AskAsync(CancellationToken over)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(over);
        patience.CancelAfter(Interval);
        var sentAt = Instant.Now(_time);
        try
        {
            return await _group.RenewAsync(Id, patience.Token).ConfigureAwait(false) switch
            {
                RenewalOutcome.Renewed renewed => new Renewal.Granted(sentAt, TimeSpan.FromMilliseconds(renewed.Ttl)),
                RenewalOutcome.Gone => new Renewal.Refused(),
                _ => new Renewal.Unknown(),
            };
        }
        catch (OperationCanceledException) when (!over.IsCancellationRequested)
        {
            return new Renewal.Unknown();
        }
    }

    private async Task RepeatAsync(CancellationToken over)
    {
        while (true)
        {
            await Task.Delay(Interval < LongestPause ? Interval : LongestPause, _time, over).ConfigureAwait(false);
            Command? next;
            lock (_gate)
                next = _toRepeat.FirstOrDefault();
            if (next is null)
                continue;
            try
            {
                await _group.RunAsync(next, over).ConfigureAwait(false);
                lock (_gate)
                    _toRepeat.Remove(next);
            }
            catch (NoAnswerException)
            {
                // After the interval again.
            }
        }
    }

    private async Task RevokeAsync(TimeSpan within)
    {
        using var patience = new CancellationTokenSource(within);
        try
        {
            await _group.RunAsync(new Command.RevokeLease(Id), patience.Token).ConfigureAwait(false);
        }
        catch (Exception silence) when (silence is NoAnswerException or OperationCanceledException or ElectionException)
        {
            // The group ends it by its TTL.
        }
    }
}

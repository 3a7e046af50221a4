using System.Diagnostics.CodeAnalysis;

namespace Conclave.Testing;

/// <summary>One leadership of the candidate: its lease as the candidate counts it, and as the imagined server does.</summary>
[SuppressMessage("Design", "CA1001", Justification = "Its timers are those of a fake clock, and end with the leadership.")]
internal sealed class FakeTenure
{
    private readonly FakeElection _election;
    private readonly LeaseOptions _options;
    private readonly LeaseTimer _lease;
    private readonly LeadershipSource _source;
    private readonly ITimer _renewal;
    private readonly ITimer _expiry;
    private readonly Lock _gate = new();
    private Instant _serverEndsAt;

    public FakeTenure(FakeElection election, Leader leader, LeaseOptions options)
    {
        (_election, _options) = (election, options);
        var now = Instant.Now(election.Time);
        _serverEndsAt = now + options.Ttl;
        _lease = new LeaseTimer(LeaseClock.Start(now, options.Ttl, options), election.Time);
        _source = new LeadershipSource(election.Name, leader, _lease, ResignAsync);
        _renewal = election.Time.CreateTimer(_ => Renew(), null, options.Ttl / options.RenewalsPerTtl, Timeout.InfiniteTimeSpan);
        _expiry = election.Time.CreateTimer(_ => Expire(), null, options.Ttl, Timeout.InfiniteTimeSpan);
    }

    public Leadership Leadership => _source.Leadership;

    /// <summary>Whether the candidate believes so, as far as it has asked. Does not ask the clock: a holder that stands still has not noticed yet.</summary>
    public bool IsHeld => !Leadership.Lost.IsCancellationRequested;

    /// <summary>The server has ended the lease.</summary>
    public bool IsForgotten
    {
        get
        {
            lock (_gate)
                return Instant.Now(_election.Time) >= _serverEndsAt;
        }
    }

    public bool Lose(LossReason reason)
    {
        if (!_source.Lose(reason))
            return false;
        StopTimers();
        _lease.End();
        return true;
    }

    private void Renew()
    {
        var now = Instant.Now(_election.Time);
        bool renewed;
        lock (_gate)
        {
            renewed = now < _serverEndsAt;
            if (renewed)
                _serverEndsAt = now + _options.Ttl;
        }

        Renewal renewal = new Renewal.Refused();
        if (renewed)
        {
            _expiry.Change(_options.Ttl, Timeout.InfiniteTimeSpan);
            renewal = _election.TakeLostReply() ? new Renewal.Unknown() : new Renewal.Granted(now, _options.Ttl);
        }

        if (_lease.Apply(renewal))
            _renewal.Change(_options.Ttl / _options.RenewalsPerTtl, Timeout.InfiniteTimeSpan);
    }

    private void Expire()
    {
        if (IsForgotten)
            _election.Vacate(this);
    }

    private Task<ResignResult> ResignAsync()
    {
        // The lost answer leaves the candidate in doubt, and in the worse case: the others wait for the lease to end.
        if (_election.TakeLostReply())
        {
            _renewal.Dispose();
            _lease.End();
            return Task.FromResult(ResignResult.Unknown);
        }

        StopTimers();
        _lease.End();
        _election.Vacate(this);
        return Task.FromResult(ResignResult.Released);
    }

    private void StopTimers()
    {
        _renewal.Dispose();
        _expiry.Dispose();
    }
}

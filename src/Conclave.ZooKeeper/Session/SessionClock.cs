namespace Conclave.ZooKeeper;

/// <summary>
/// What of a session may be relied on: two thirds of its timeout, counted from a request that was answered. Pure; one loop owns it.
/// </summary>
/// <remarks>
/// A renewal is a <c>sync</c> and not a ping, which a follower that has lost the ensemble's leader goes on answering alone for some ticks. Even a
/// renewal that the leader took part in may not have counted as a sign of life yet: (1) the follower notes that the session spoke and answers; (2) the
/// leader hears of it with the follower's next report, up to half a tick later; (3) the connection between the two breaks in between. Then the leader knows of the
/// renewal before only, and counts the timeout from there. So a renewal counts as sent no later than a third after the one before it, and the two thirds
/// from there end no later than the timeout from the one before. A session has at least two ticks, so renewals a quarter of it apart are in different reports.
/// A new connection is checked with the leader itself.
/// </remarks>
internal sealed class SessionClock
{
    private readonly double _clockRateMargin;
    private TimeSpan _timeout;
    private Instant _before;

    public SessionClock(Instant sentAt, TimeSpan timeout, double clockRateMargin)
    {
        (_before, _timeout, _clockRateMargin) = (sentAt, timeout, clockRateMargin);
        NotBefore = sentAt;
    }

    /// <summary>A renewal every third of the session's timeout.</summary>
    public LeaseOptions Lease => new() { Ttl = Ttl, RenewalsPerTtl = 2, ClockRateMargin = _clockRateMargin, StopMargin = TimeSpan.Zero };

    /// <summary>The next renewal would prove nothing earlier than this.</summary>
    public Instant NotBefore { get; private set; }

    public TimeSpan Ttl => _timeout * 2 / 3;

    public LeaseClock Start() => LeaseClock.Start(_before, Ttl, Lease);

    /// <summary>A server took the session over, by a hello sent at <paramref name="sentAt"/>.</summary>
    public Renewal Reconnected(Instant sentAt, TimeSpan timeout)
    {
        _timeout = timeout;
        return Counted(sentAt, sentAt);
    }

    /// <summary>A renewal sent at <paramref name="sentAt"/> was answered.</summary>
    public Renewal Renewed(Instant sentAt)
    {
        var latest = _before + (_timeout / 3);
        return Counted(sentAt, sentAt < latest ? sentAt : latest);
    }

    private Renewal.Granted Counted(Instant sentAt, Instant from)
    {
        _before = sentAt;
        NotBefore = sentAt + (_timeout / 4);
        return new Renewal.Granted(from, Ttl);
    }
}

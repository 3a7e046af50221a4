using System.Diagnostics;

namespace Conclave;

/// <summary>
/// The rules of a lease, without a clock of its own: immutable, and told the time.
/// <code>
///   sent          answered                     Lost          the store may give it to another
///    |---- flight ----|                          |                    |
///    |&lt;-------------- usable --------------------&gt;|                    |
///    |                |&lt;-------------- granted TTL, on the store's clock -&gt;|
/// </code>
/// The store starts counting somewhere during the flight, so we start before it. The store's clock may run faster than ours, so we take the TTL for shorter
/// than it is; and the work needs a moment to stop, so we end earlier still.
/// </summary>
public sealed record LeaseClock
{
    private readonly LeaseOptions _options;

    private LeaseClock(LeaseOptions options, Instant sentAt, TimeSpan ttl)
    {
        _options = options;
        RenewAt = sentAt + (ttl / options.RenewalsPerTtl);
        EndsAt = sentAt + Usable(ttl, options);
    }

    /// <summary>When it ends for us, renewed or not. Never moves back but for <see cref="Renewal.Refused"/>.</summary>
    public Instant EndsAt { get; private init; }

    /// <summary>When the next renewal is due.</summary>
    public Instant RenewAt { get; private init; }

    /// <summary>The store said that it is gone.</summary>
    public bool IsRefused { get; private init; }

    /// <summary>A lease that was just granted: counted from <paramref name="sentAt"/>, read before the request was sent.</summary>
    public static LeaseClock Start(Instant sentAt, TimeSpan grantedTtl, LeaseOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new LeaseClock(options, sentAt, grantedTtl);
    }

    /// <summary>How much of a TTL may be relied on.</summary>
    public static TimeSpan Usable(TimeSpan ttl, LeaseOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return (ttl / (1 + options.ClockRateMargin)) - options.StopMargin;
    }

    /// <summary>Whether we may still act on it.</summary>
    public bool IsHeldAt(Instant now) => !IsRefused && now < EndsAt;

    /// <summary>What is known after an attempt to renew that ended at <paramref name="now"/>.</summary>
    public LeaseClock After(Renewal renewal, Instant now)
    {
        // Over stays over: Lost has fired, and an answer that comes later must not bring back a leader that others believe gone.
        if (!IsHeldAt(now))
            return this;

        switch (renewal)
        {
            case Renewal.Granted granted:
                var renewed = new LeaseClock(_options, granted.SentAt, granted.Ttl);
                return renewed.EndsAt > EndsAt ? renewed : this; // answers may overtake each other
            case Renewal.Refused:
                return this with { IsRefused = true, EndsAt = now };
            case Renewal.Unknown:
                return this;
            default:
                throw new UnreachableException($"No rule for {renewal}.");
        }
    }
}

namespace Conclave;

/// <summary>How long leadership outlives its holder, and how early the holder gives it up. Checked once, where an election is made.</summary>
public sealed record LeaseOptions
{
    /// <summary>
    /// What is asked of the store: a dead leader is replaced this long after its last renewal. Default 5 s. The store may grant more (etcd raises it
    /// to 1.5 election timeouts); what it granted then counts.
    /// </summary>
    public TimeSpan Ttl { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A renewal is sent this often within one TTL. Default 3: two may get lost before the lease is in danger. At least 2.</summary>
    public int RenewalsPerTtl { get; init; } = 3;

    /// <summary>
    /// By how much the rates of our clock and of the store's may differ. Default 0.01 (1 %), twenty times what NTP slews at most (500 ppm), because virtual machines are worse than their crystals.
    /// </summary>
    public double ClockRateMargin { get; init; } = 0.01;

    /// <summary>
    /// How long before the store can give leadership to another <c>Lost</c> fires: the time that work in hand has to stop. Default 500 ms.
    /// </summary>
    public TimeSpan StopMargin { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <exception cref="ArgumentOutOfRangeException">An option, or the relation between two, makes no sense; the message names it and the remedy.</exception>
    public void Validate()
    {
        Require(Ttl > TimeSpan.Zero && Ttl <= TimeSpan.FromDays(1), nameof(Ttl), Ttl, "must be above zero and at most one day");
        Require(RenewalsPerTtl is >= 2 and <= 100, nameof(RenewalsPerTtl), RenewalsPerTtl, "must be 2 to 100");
        Require(ClockRateMargin is >= 0 and <= 0.2, nameof(ClockRateMargin), ClockRateMargin, "must be 0 to 0.2");
        Require(StopMargin >= TimeSpan.Zero, nameof(StopMargin), StopMargin, "must not be negative");
        var renewalEvery = Ttl / RenewalsPerTtl;
        Require(LeaseClock.Usable(Ttl, this) > renewalEvery, nameof(StopMargin), StopMargin,
            $"leaves less of the TTL than one renewal interval ({renewalEvery.TotalMilliseconds:0} ms); raise Ttl or lower StopMargin");
    }

    private static void Require(bool holds, string option, object value, string problem)
    {
        if (!holds)
            throw new ArgumentOutOfRangeException(option, value, $"{nameof(LeaseOptions)}.{option} {problem}.");
    }
}

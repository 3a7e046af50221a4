namespace Conclave;

/// <summary>What came of asking the store for more time. There are three outcomes, and the third is not the second.</summary>
public abstract record Renewal
{
    private Renewal() { }

    /// <summary>The store holds the lease for <paramref name="Ttl"/> from some moment after <paramref name="SentAt"/>, when the request left us.</summary>
    public sealed record Granted(Instant SentAt, TimeSpan Ttl) : Renewal;

    /// <summary>The store says that there is no such lease. It is over, whatever our clock thinks.</summary>
    public sealed record Refused : Renewal;

    /// <summary>No answer: renewed or not, we cannot tell. The lease runs on until the time that is certain.</summary>
    public sealed record Unknown : Renewal;
}

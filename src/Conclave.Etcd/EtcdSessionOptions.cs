namespace Conclave.Etcd;

/// <summary>How a session keeps its lease and how long it argues with a silent server. Checked once, where the session is made.</summary>
public sealed record EtcdSessionOptions
{
    /// <summary>
    /// The lease under which candidates stand. etcd counts in whole seconds, so the TTL is rounded up. For a hung endpoint not to cost the lease, the client's
    /// request timeout, divided by its endpoints, should be below half of the TTL.
    /// </summary>
    public LeaseOptions Lease { get; init; } = new();

    /// <summary>
    /// How long a withdrawal or a resignation is repeated while no answer comes, before it ends as unknown and the rest is left to the TTL. Default 2 s.
    /// </summary>
    public TimeSpan WithdrawTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long <see cref="ILeaderElection.TryCampaignAsync"/> waits for a silent server before it ends as unknown. Default 5 s.</summary>
    public TimeSpan TryTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The first pause before something is asked again; it doubles up to <see cref="RetryIntervalMax"/>, with jitter. Default 50 ms.</summary>
    public TimeSpan RetryIntervalMin { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause before something is asked again. Default 1 s.</summary>
    public TimeSpan RetryIntervalMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <exception cref="ArgumentOutOfRangeException">An option makes no sense; the message names it.</exception>
    public void Validate()
    {
        Lease.Validate();
        Require(WithdrawTimeout > TimeSpan.Zero, nameof(WithdrawTimeout), WithdrawTimeout, "must be above zero");
        Require(TryTimeout > TimeSpan.Zero, nameof(TryTimeout), TryTimeout, "must be above zero");
        Require(RetryIntervalMin > TimeSpan.Zero, nameof(RetryIntervalMin), RetryIntervalMin, "must be above zero");
        Require(RetryIntervalMax >= RetryIntervalMin, nameof(RetryIntervalMax), RetryIntervalMax, $"must not be below {nameof(RetryIntervalMin)}");
    }

    private static void Require(bool holds, string option, object value, string problem)
    {
        if (!holds)
            throw new ArgumentOutOfRangeException(option, value, $"{nameof(EtcdSessionOptions)}.{option} {problem}.");
    }
}

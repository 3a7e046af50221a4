namespace Conclave.ZooKeeper;

/// <summary>Which servers a client uses, and how long its session outlives it. Checked once, where the client is made.</summary>
public sealed record ZooKeeperClientOptions
{
    internal static readonly TimeSpan SessionTimeoutMin = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// The servers of the ensemble, one per element: <c>host:port</c>; without a port, 2181. One is used at a time, and another when it does not answer.
    /// </summary>
    public required IReadOnlyList<string> Servers { get; init; }

    /// <summary>
    /// What is asked of the ensemble: a dead leader is replaced this long after its last sign of life, rounded up to the servers' tick. Default 6 s. Servers
    /// answer with what they allow (2 to 20 of their ticks, so 4 to 40 s unless configured otherwise), and that counts. It is renewed every third; a leader
    /// stops leading when two thirds have passed without an answer, so the last third is the time that work in hand has to stop.
    /// </summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>
    /// How long a server may be silent, when connecting or while something is asked of it, before another is tried. Default: a sixth of
    /// <see cref="SessionTimeout"/>, so that after an unanswered renewal there is time for one more server before leadership ends.
    /// </summary>
    public TimeSpan? AnswerTimeout { get; init; }

    /// <summary>By how much the rates of our clock and of the servers' may differ. Default 0.01 (1 %), as <see cref="LeaseOptions.ClockRateMargin"/>.</summary>
    public double ClockRateMargin { get; init; } = 0.01;

    /// <summary>
    /// <c>name:password</c> for ZooKeeper's <c>digest</c> scheme. An election's node and those of its candidates are then made so that only this identity may use them, so
    /// all candidates of an election need the same. Default none: everybody may use them.
    /// </summary>
    public string? Credentials { get; init; }

    /// <summary>
    /// How long somebody waits for a resignation or a withdrawal that is not answered before it is called unknown; it is repeated in the background for as long as the
    /// session lasts. Default 2 s.
    /// </summary>
    public TimeSpan WithdrawTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long <see cref="ILeaderElection.TryCampaignAsync"/> and <see cref="ILeaderElection.GetLeaderAsync"/> wait for silent servers before they end as
    /// unavailable. Default 5 s.
    /// </summary>
    public TimeSpan TryTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The first pause after all servers were tried in vain; it doubles up to <see cref="RetryIntervalMax"/>, with jitter. Default 50 ms.</summary>
    public TimeSpan RetryIntervalMin { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause after all servers were tried in vain. Default 1 s.</summary>
    public TimeSpan RetryIntervalMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How many changes of one election may wait for a slow observer. One that falls further behind starts afresh, and if it cannot tell what it missed, ends with
    /// <see cref="ElectionHistoryLostException"/>. Default 10,000.
    /// </summary>
    public int ObserverQueueMax { get; init; } = 10_000;

    internal TimeSpan Patience => AnswerTimeout ?? SessionTimeout / 6;

    /// <exception cref="ArgumentException">A server's address cannot be read.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option, or the relation between two, makes no sense; the message names it.</exception>
    public void Validate()
    {
        Require(Servers is { Count: > 0 }, nameof(Servers), "none", $"must name at least one server, e.g. '127.0.0.1:{ServerAddress.DefaultPort}'");
        foreach (var server in Servers)
            ServerAddress.Parse(server);
        Require(SessionTimeout >= SessionTimeoutMin && SessionTimeout <= TimeSpan.FromDays(1), nameof(SessionTimeout), SessionTimeout, "must be 100 ms to one day");
        Require(Patience > TimeSpan.Zero && Patience <= SessionTimeout / 3, nameof(AnswerTimeout), Patience,
            $"must be above zero and at most a third of {nameof(SessionTimeout)}, or a silent server costs the leadership");
        Require(ClockRateMargin is >= 0 and <= 0.2, nameof(ClockRateMargin), ClockRateMargin, "must be 0 to 0.2");
        Require(Credentials is null || Credentials.IndexOf(':', StringComparison.Ordinal) > 0, nameof(Credentials), "(not shown)", "must be 'name:password'");
        Require(WithdrawTimeout > TimeSpan.Zero, nameof(WithdrawTimeout), WithdrawTimeout, "must be above zero");
        Require(TryTimeout > TimeSpan.Zero, nameof(TryTimeout), TryTimeout, "must be above zero");
        Require(RetryIntervalMin > TimeSpan.Zero, nameof(RetryIntervalMin), RetryIntervalMin, "must be above zero");
        Require(RetryIntervalMax >= RetryIntervalMin, nameof(RetryIntervalMax), RetryIntervalMax, $"must not be below {nameof(RetryIntervalMin)}");
        Require(ObserverQueueMax > 0, nameof(ObserverQueueMax), ObserverQueueMax, "must be above zero");
    }

    private static void Require(bool holds, string option, object value, string problem)
    {
        if (!holds)
            throw new ArgumentOutOfRangeException(option, value, $"{nameof(ZooKeeperClientOptions)}.{option} {problem}.");
    }
}

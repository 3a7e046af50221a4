namespace Conclave.Orchestration.Supervision;

/// <summary>How the delays between restarts grow.</summary>
public sealed record BackoffOptions
{
    /// <summary>Delay before the second restart in a row; the first has none. Default 100 ms.</summary>
    public TimeSpan Initial { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Each delay is this many times the one before. Default 2.</summary>
    public double Factor { get; init; } = 2;

    /// <summary>No delay is longer, jitter included. Default 10 s.</summary>
    public TimeSpan Cap { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A delay is shortened by up to this share of itself, so that instances that fell together do not all come back at the same instant. 0 to 1,
    /// default 0.25.
    /// </summary>
    public double Jitter { get; init; } = 0.25;

    /// <summary>Checks the relations once, at start.</summary>
    /// <exception cref="ConclaveException">One of them does not hold; the message says which.</exception>
    public void Validate()
    {
        if (Initial <= TimeSpan.Zero)
            throw new ConclaveException("the first delay must be longer than zero");
        if (Cap < Initial)
            throw new ConclaveException("the longest delay must not be shorter than the first");
        if (Factor < 1)
            throw new ConclaveException("delays must not shrink: factor >= 1");
        if (Jitter is < 0 or > 1)
            throw new ConclaveException("jitter is a share: 0 to 1");
    }
}

/// <summary>
/// Delays between restarts in a row: none, then exponential with jitter up to a cap. Pure: the random source comes in, no clock is read. Not thread-safe.
/// </summary>
public sealed class Backoff
{
    private readonly BackoffOptions _options;
    private readonly Random _random;

    /// <param name="options">Validated here.</param>
    /// <param name="random">Seeded in tests; the same seed gives the same delays.</param>
    /// <param name="attempts">Restarts in a row so far; a successor that adopts an instance goes on where its predecessor was.</param>
    public Backoff(BackoffOptions options, Random random, int attempts = 0)
    {
        options.Validate();
        ArgumentOutOfRangeException.ThrowIfNegative(attempts);
        _options = options;
        _random = random;
        Attempts = attempts;
    }

    /// <summary>Restarts in a row since the last <see cref="Reset"/>.</summary>
    public int Attempts { get; private set; }

    /// <summary>The delay before the next restart, which counts as made.</summary>
    public TimeSpan Next()
    {
        Attempts++;
        if (Attempts == 1)
            return TimeSpan.Zero;

        // In floating point a large exponent becomes infinity, which the cap takes care of; a shift would overflow.
        var ticks = Math.Min(_options.Initial.Ticks * Math.Pow(_options.Factor, Attempts - 2), _options.Cap.Ticks);
        return TimeSpan.FromTicks((long)(ticks * (1 - (_options.Jitter * _random.NextDouble()))));
    }

    /// <summary>The row is broken: it was healthy for long enough.</summary>
    public void Reset() => Attempts = 0;
}

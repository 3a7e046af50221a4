namespace Conclave;

/// <summary>
/// A <see cref="LeaseClock"/> put to work: ends the lease on our own clock, whether or not anybody renews, answers or even runs a renewal.
/// One may carry any number of leaderships. Thread-safe.
/// </summary>
public sealed class LeaseTimer : IDisposable
{
    /// <summary>
    /// The longest that the timer sleeps. Timers stand still while the machine sleeps and the lease does not, so after waking up the end is noticed within
    /// this time even by those who only wait for <see cref="Ended"/>; <see cref="IsHeld"/> notices it at once.
    /// </summary>
    public static readonly TimeSpan LongestSleep = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan ShortestSleep = TimeSpan.FromMilliseconds(1);

    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _ended = new();
    private readonly ITimer _timer;
    private LeaseClock _clock;
    private bool _isOver;

    /// <summary>Starts to count. <paramref name="time"/> must be the clock whose instants <paramref name="clock"/> holds, in production <see cref="BootTime.Provider"/>.</summary>
    public LeaseTimer(LeaseClock clock, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(clock);
        ArgumentNullException.ThrowIfNull(time);
        _clock = clock;
        _time = time;
        _timer = time.CreateTimer(static self => ((LeaseTimer)self!).Check(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        Check();
    }

    /// <summary>
    /// Cancelled when the lease is over. Callbacks run on the thread that found out and one after another, so they must be short;
    /// <see cref="Leadership.Lost"/> is the one for the user's code.
    /// </summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>What is known of the lease.</summary>
    public LeaseClock Clock
    {
        get
        {
            lock (_gate)
                return _clock;
        }
    }

    /// <summary>Reads the clock now; ends the lease if its time has passed. Ask before each act that relies on it.</summary>
    public bool IsHeld => Check();

    /// <summary>Takes in what came of a renewal and returns whether the lease is still held.</summary>
    public bool Apply(Renewal renewal)
    {
        TimeSpan margin;
        lock (_gate)
        {
            var now = Instant.Now(_time);
            margin = _clock.EndsAt - now;
            _clock = _clock.After(renewal, now);
        }

        Telemetry.Renewed(renewal, margin);
        return Check();
    }

    /// <summary>Ends the lease for us now: it was given back.</summary>
    public void End()
    {
        lock (_gate)
        {
            if (_isOver)
                return;
            _isOver = true;
        }

        _timer.Dispose();
        _ended.Cancel();
    }

    /// <summary>The same as <see cref="End"/>: what nobody counts any more cannot be relied on.</summary>
    public void Dispose() => End();

    private bool Check()
    {
        lock (_gate)
        {
            if (_isOver)
                return false;

            var now = Instant.Now(_time);
            if (_clock.IsHeldAt(now))
            {
                _timer.Change(Sleep(_clock.EndsAt - now), Timeout.InfiniteTimeSpan);
                return true;
            }
        }

        End();
        return false;
    }

    private static TimeSpan Sleep(TimeSpan remaining) =>
        remaining > LongestSleep ? LongestSleep : remaining > ShortestSleep ? remaining : ShortestSleep;
}

using System.Diagnostics;

namespace Conclave.Runtime;

/// <summary>
/// Says when ticks are due. A process that was stopped, or a machine that slept, gets one tick for the whole pause: what it did not live through cannot
/// count against the others. Timers so run late and never early.
/// </summary>
internal sealed class TickClock(TimeSpan interval, Func<long>? timestamp = null)
{
    private readonly Func<long> _timestamp = timestamp ?? Stopwatch.GetTimestamp;
    private readonly long _interval = (long)(interval.TotalSeconds * Stopwatch.Frequency);
    private long _next = (timestamp ?? Stopwatch.GetTimestamp)() + (long)(interval.TotalSeconds * Stopwatch.Frequency);

    /// <summary>How long until a tick is due; never negative.</summary>
    public TimeSpan UntilNext()
    {
        var left = _next - _timestamp();
        // Rounded up to whole milliseconds, the grain of waits, so that one wait is enough.
        return left <= 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Ceiling(left * 1_000.0 / Stopwatch.Frequency));
    }

    /// <summary>Whether one is due, which then counts as taken. A short delay is caught up with, a longer one forgotten.</summary>
    public bool TryTick()
    {
        var now = _timestamp();
        if (now < _next)
            return false;
        _next = now - _next > 2 * _interval ? now + _interval : _next + _interval;
        return true;
    }
}

namespace Conclave.Orchestration.Gateway;

/// <summary>
/// Bounds retries to a share of the requests of the last ten seconds plus a fixed rate, so that a service which fails everywhere is
/// not also buried under repeated requests.
/// </summary>
/// <remarks>Time comes in with each call. Counts may be off by a few when a second rolls over under load; the bound needs no more.</remarks>
internal sealed class RetryBudget(double ratio, int perSecond)
{
    public const int WindowSeconds = 10;

    private readonly Lock _rolling = new();
    private readonly Second[] _seconds = new Second[WindowSeconds + 1];
    private long _current = -1;

    /// <summary>Counts a request.</summary>
    public void Arrived(long nowMs) => Interlocked.Increment(ref Current(nowMs).Requests);

    /// <summary>Pays for one retry; false when there is nothing left to pay with.</summary>
    public bool TryTake(long nowMs)
    {
        ref var second = ref Current(nowMs);
        var (requests, retries) = Sum();
        if (retries + 1 > (requests * ratio) + (perSecond * WindowSeconds)) return false;
        Interlocked.Increment(ref second.Retries);
        return true;
    }

    /// <summary>Mean of the last ten full seconds.</summary>
    public double RequestsPerSecond(long nowMs)
    {
        Current(nowMs);
        var now = Volatile.Read(ref _current);
        long requests = 0;
        foreach (ref readonly var second in _seconds.AsSpan())
            if (second.Number != now) requests += second.Requests;
        return requests / (double)WindowSeconds;
    }

    private (long Requests, long Retries) Sum()
    {
        long requests = 0, retries = 0;
        foreach (ref readonly var second in _seconds.AsSpan())
        {
            requests += second.Requests;
            retries += second.Retries;
        }

        return (requests, retries);
    }

    private ref Second Current(long nowMs)
    {
        var now = nowMs / 1000;
        if (now > Volatile.Read(ref _current)) Roll(now);
        return ref _seconds[now % _seconds.Length];
    }

    private void Roll(long now)
    {
        lock (_rolling)
        {
            if (now <= _current) return;
            var first = Math.Max(_current + 1, now - WindowSeconds);
            for (var second = first; second <= now; second++) _seconds[second % _seconds.Length] = new Second { Number = second };
            Volatile.Write(ref _current, now);
        }
    }

    private struct Second
    {
        public long Number;
        public long Requests;
        public long Retries;
    }
}

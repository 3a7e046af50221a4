namespace Conclave.Tests;

/// <summary>A clock that moves when told. <see cref="Sleep"/> moves the clock but not the timers, as a suspended machine does.</summary>
internal sealed class FakeTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<FakeTimer> _timers = [];
    private TimeSpan _now = TimeSpan.FromHours(1);
    private TimeSpan _awake;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public Instant Now => Instant.Now(this);

    public override long GetTimestamp()
    {
        lock (_gate)
            return _now.Ticks;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new FakeTimer(this, callback, state);
        lock (_gate)
            _timers.Add(timer);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves on, firing timers in their order on the way.</summary>
    public void Advance(TimeSpan by)
    {
        TimeSpan target;
        lock (_gate)
            target = _awake + by;
        while (true)
        {
            FakeTimer? next;
            lock (_gate)
            {
                next = _timers.Where(timer => timer.Due <= target).MinBy(timer => timer.Due);
                var reached = next?.Due ?? target;
                _now += reached - _awake;
                _awake = reached;
                if (next is not null)
                    next.Due = null;
            }

            if (next is null)
                return;
            next.Fire();
        }
    }

    public void Sleep(TimeSpan by)
    {
        lock (_gate)
            _now += by;
    }

    private sealed class FakeTimer(FakeTime time, TimerCallback callback, object? state) : ITimer
    {
        public TimeSpan? Due { get; set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Assert.Equal(Timeout.InfiniteTimeSpan, period);
            lock (time._gate)
                Due = dueTime == Timeout.InfiniteTimeSpan ? null : time._awake + dueTime;
            return true;
        }

        public void Fire() => callback(state);

        public void Dispose()
        {
            lock (time._gate)
                time._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}

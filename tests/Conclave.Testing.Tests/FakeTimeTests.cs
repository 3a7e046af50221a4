namespace Conclave.Testing.Tests;

public sealed class FakeTimeTests
{
    private readonly FakeTime _time = new();

    [Fact]
    public void Timers_fire_in_their_order_each_at_its_time()
    {
        var fired = new List<string>();
        var zero = _time.Now;
        using var late = _time.CreateTimer(_ => fired.Add($"late at {(_time.Now - zero).TotalSeconds}"), null, TimeSpan.FromSeconds(3), Timeout.InfiniteTimeSpan);
        using var each = _time.CreateTimer(_ => fired.Add($"each at {(_time.Now - zero).TotalSeconds}"), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2));
        _time.Advance(TimeSpan.FromSeconds(4));
        Assert.Equal(["each at 1", "late at 3", "each at 3"], fired);
        Assert.Equal(TimeSpan.FromSeconds(4), _time.Now - zero);
        Assert.Equal(1, _time.PendingTimers);
    }

    [Fact]
    public void While_the_machine_sleeps_the_clock_goes_on_and_timers_do_not()
    {
        var fired = 0;
        var (zero, wall) = (_time.Now, _time.GetUtcNow());
        using var timer = _time.CreateTimer(_ => fired++, null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        _time.Sleep(TimeSpan.FromHours(1));
        Assert.Equal(TimeSpan.FromHours(1), _time.Now - zero);
        Assert.Equal(TimeSpan.FromHours(1), _time.GetUtcNow() - wall);
        Assert.Equal(0, fired);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, fired);
    }

    [Fact]
    public void A_timer_that_was_changed_or_disposed_does_not_fire()
    {
        var fired = 0;
        var stopped = _time.CreateTimer(_ => fired++, null, TimeSpan.FromSeconds(1), Timeout.InfiniteTimeSpan);
        var disposed = _time.CreateTimer(_ => fired++, null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
        stopped.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        disposed.Dispose();
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(0, fired);
        Assert.Equal(0, _time.PendingTimers);
        stopped.Dispose();
    }

    [Fact]
    public async Task A_delay_ends_when_its_time_has_come()
    {
        var delay = Task.Delay(TimeSpan.FromSeconds(10), _time);
        _time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.False(delay.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        await delay.WaitAsync(TimeSpan.FromSeconds(20));
    }
}

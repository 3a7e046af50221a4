using System.Diagnostics;

namespace Conclave.Runtime.Tests;

public sealed class TickClockTests
{
    private long _now;

    [Fact]
    public void A_tick_comes_with_every_interval()
    {
        var clock = Clock();
        Assert.False(clock.TryTick());
        Assert.Equal(TimeSpan.FromMilliseconds(50), clock.UntilNext());
        Pass(50);
        Assert.True(clock.TryTick());
        Assert.False(clock.TryTick());
    }

    [Fact]
    public void A_short_delay_is_caught_up_with()
    {
        var clock = Clock();
        Pass(120);
        Assert.True(clock.TryTick());
        Assert.True(clock.TryTick());
        Assert.False(clock.TryTick());
    }

    [Fact]
    public void A_long_pause_counts_as_one_tick()
    {
        var clock = Clock();
        Pass(60_000);
        Assert.True(clock.TryTick());
        Assert.False(clock.TryTick());
        Assert.Equal(TimeSpan.FromMilliseconds(50), clock.UntilNext());
    }

    private TickClock Clock() => new(TimeSpan.FromMilliseconds(50), () => _now);

    private void Pass(int milliseconds) => _now += milliseconds * Stopwatch.Frequency / 1_000;
}

namespace Conclave.Tests;

public sealed class LeaseTimerTests
{
    private static readonly LeaseOptions Options = new() { Ttl = TimeSpan.FromSeconds(10), ClockRateMargin = 0, StopMargin = TimeSpan.FromSeconds(1) };

    private readonly FakeTime _time = new();

    [Fact]
    public void A_lease_ends_by_our_own_timer_when_nobody_renews_it()
    {
        using var lease = Start();
        _time.Advance(TimeSpan.FromSeconds(8.999));
        Assert.False(lease.Ended.IsCancellationRequested);
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.True(lease.Ended.IsCancellationRequested);
        Assert.False(lease.IsHeld);
    }

    [Fact]
    public void A_renewal_moves_the_end()
    {
        using var lease = Start();
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.True(lease.Apply(new Renewal.Granted(_time.Now, Options.Ttl)));
        _time.Advance(TimeSpan.FromSeconds(8.9));
        Assert.True(lease.IsHeld);
        _time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.True(lease.Ended.IsCancellationRequested);
    }

    [Fact]
    public void A_lease_is_over_at_the_first_act_after_the_machine_slept_although_no_timer_ran()
    {
        using var lease = Start();
        _time.Sleep(TimeSpan.FromSeconds(60));
        Assert.False(lease.Ended.IsCancellationRequested);
        Assert.False(lease.IsHeld);
        Assert.True(lease.Ended.IsCancellationRequested);
    }

    [Fact]
    public void After_the_machine_slept_the_end_is_noticed_within_one_short_sleep_of_the_timer()
    {
        using var lease = Start();
        _time.Sleep(TimeSpan.FromSeconds(60));
        _time.Advance(LeaseTimer.LongestSleep);
        Assert.True(lease.Ended.IsCancellationRequested);
    }

    [Fact]
    public void A_refused_renewal_ends_it_at_once()
    {
        using var lease = Start();
        Assert.False(lease.Apply(new Renewal.Refused()));
        Assert.True(lease.Ended.IsCancellationRequested);
        Assert.True(lease.Clock.IsRefused);
    }

    [Fact]
    public void A_lease_that_was_granted_too_late_to_be_of_use_is_over_from_the_start()
    {
        var sent = _time.Now;
        _time.Advance(Options.Ttl);
        using var lease = new LeaseTimer(LeaseClock.Start(sent, Options.Ttl, Options), _time);
        Assert.True(lease.Ended.IsCancellationRequested);
    }

    [Fact]
    public void Once_over_no_answer_brings_it_back()
    {
        using var lease = Start();
        lease.End();
        Assert.False(lease.Apply(new Renewal.Granted(_time.Now, Options.Ttl)));
        Assert.False(lease.IsHeld);
    }

    private LeaseTimer Start() => new(LeaseClock.Start(_time.Now, Options.Ttl, Options), _time);
}

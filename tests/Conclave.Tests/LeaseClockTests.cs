namespace Conclave.Tests;

public sealed class LeaseClockTests
{
    private static readonly LeaseOptions Options = new() { Ttl = Seconds(10), ClockRateMargin = 0.25 / 10, StopMargin = Seconds(1) };
    private static readonly Instant Sent = new(Seconds(100));

    [Fact]
    public void A_lease_counts_from_before_its_request_was_sent()
    {
        var clock = LeaseClock.Start(Sent, Seconds(10), Options);
        Assert.Equal(Sent + LeaseClock.Usable(Seconds(10), Options), clock.EndsAt);
    }

    [Fact]
    public void A_lease_ends_before_a_store_whose_clock_runs_faster_by_the_margin_lets_it_end()
    {
        var ttl = Seconds(10);
        var ourEnd = LeaseClock.Start(Sent, ttl, Options).EndsAt - Sent;
        var storesEndOnOurClock = ttl / (1 + Options.ClockRateMargin); // the earliest: it received the request at once
        Assert.True(ourEnd + Options.StopMargin <= storesEndOnOurClock, $"{ourEnd} is too late for {storesEndOnOurClock}");
    }

    [Fact]
    public void The_end_itself_is_no_longer_held()
    {
        var clock = LeaseClock.Start(Sent, Seconds(10), Options);
        Assert.True(clock.IsHeldAt(clock.EndsAt + TimeSpan.FromTicks(-1)));
        Assert.False(clock.IsHeldAt(clock.EndsAt));
    }

    [Fact]
    public void A_granted_renewal_counts_from_its_own_request_and_not_from_its_answer()
    {
        var clock = LeaseClock.Start(Sent, Seconds(10), Options);
        var renewalSent = Sent + Seconds(3);
        var answered = renewalSent + Seconds(4);
        var renewed = clock.After(new Renewal.Granted(renewalSent, Seconds(10)), answered);
        Assert.Equal(Seconds(3), renewed.EndsAt - clock.EndsAt);
    }

    [Fact]
    public void An_answer_that_was_overtaken_by_a_later_one_takes_nothing_away()
    {
        var clock = LeaseClock.Start(Sent, Seconds(10), Options)
            .After(new Renewal.Granted(Sent + Seconds(4), Seconds(10)), Sent + Seconds(5));
        Assert.Equal(clock, clock.After(new Renewal.Granted(Sent + Seconds(2), Seconds(10)), Sent + Seconds(6)));
    }

    [Fact]
    public void Unknown_neither_prolongs_nor_ends_a_lease()
    {
        var clock = LeaseClock.Start(Sent, Seconds(10), Options);
        Assert.Equal(clock, clock.After(new Renewal.Unknown(), Sent + Seconds(5)));
    }

    [Fact]
    public void A_refusal_ends_a_lease_at_once()
    {
        var clock = LeaseClock.Start(Sent, Seconds(10), Options).After(new Renewal.Refused(), Sent + Seconds(1));
        Assert.True(clock.IsRefused);
        Assert.False(clock.IsHeldAt(Sent + Seconds(1)));
        Assert.False(clock.IsHeldAt(Sent));
    }

    [Fact]
    public void An_answer_that_comes_after_the_end_does_not_bring_a_lease_back()
    {
        var clock = LeaseClock.Start(Sent, Seconds(10), Options);
        var late = clock.After(new Renewal.Granted(clock.EndsAt + Seconds(-1), Seconds(10)), clock.EndsAt);
        Assert.False(late.IsHeldAt(clock.EndsAt));
    }

    [Fact]
    public void A_renewal_is_due_after_its_share_of_the_granted_time()
    {
        var clock = LeaseClock.Start(Sent, Seconds(30), Options);
        Assert.Equal(Sent + Seconds(10), clock.RenewAt);
        Assert.Equal(Sent + Seconds(21), clock.After(new Renewal.Granted(Sent + Seconds(11), Seconds(30)), Sent + Seconds(12)).RenewAt);
    }

    [Theory]
    [InlineData(1, 10)]
    [InlineData(2, 77)]
    [InlineData(3, 500)]
    public void Under_random_delays_and_losses_we_never_hold_what_the_store_has_ended(int seed, int slowestAnswerMs)
    {
        // The store is simulated with a clock that runs up to the margin faster; each renewal reaches it after a random delay, and
        // its answer reaches us after another, or never.
        var random = new Random(seed);
        var options = new LeaseOptions { Ttl = Seconds(2), ClockRateMargin = 0.01, StopMargin = TimeSpan.Zero };
        for (var run = 0; run < 300; run++)
        {
            var rate = 1 + (random.NextDouble() * options.ClockRateMargin);
            TimeSpan Delay() => TimeSpan.FromMilliseconds(random.NextDouble() * slowestAnswerMs);
            Instant StoreEnd(Instant received) => received + (options.Ttl / rate);

            var storeEnd = StoreEnd(Sent + Delay());
            var clock = LeaseClock.Start(Sent, options.Ttl, options);
            var now = Sent + Delay();
            for (var step = 0; step < 20 && clock.IsHeldAt(now); step++)
            {
                Assert.True(clock.EndsAt <= storeEnd, $"seed {seed}, run {run}: held until {clock.EndsAt}, the store ends it at {storeEnd}");
                var sent = now;
                var received = sent + Delay();
                var renewed = received < storeEnd && random.Next(3) > 0;
                if (renewed)
                    storeEnd = StoreEnd(received);
                now = received + Delay() + TimeSpan.FromMilliseconds(random.Next(200));
                clock = clock.After(renewed && random.Next(4) > 0 ? new Renewal.Granted(sent, options.Ttl) : new Renewal.Unknown(), now);
            }
        }
    }

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}

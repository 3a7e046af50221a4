namespace Conclave.ZooKeeper.Tests;

public sealed class SessionClockTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(12);

    [Fact]
    public void A_session_is_relied_on_for_two_thirds_and_renewed_after_one()
    {
        var clock = new SessionClock(At(100), Timeout, clockRateMargin: 0).Start();
        Assert.Equal(At(108), clock.EndsAt);
        Assert.Equal(At(104), clock.RenewAt);
        Assert.True(clock.IsHeldAt(At(107.9)));
        Assert.False(clock.IsHeldAt(At(108)));
    }

    [Fact]
    public void A_renewal_in_time_counts_from_when_it_was_sent() =>
        Assert.Equal(new Renewal.Granted(At(104), TimeSpan.FromSeconds(8)), new SessionClock(At(100), Timeout, 0).Renewed(At(104)));

    [Fact]
    public void A_late_renewal_counts_no_further_than_a_whole_session_from_the_one_before()
    {
        // The ensemble's leader may have heard of that one only: it waits until 112, and so 112 is where we end.
        var clock = new SessionClock(At(100), Timeout, 0);
        var renewal = Assert.IsType<Renewal.Granted>(clock.Renewed(At(107)));
        Assert.Equal(At(112), renewal.SentAt + renewal.Ttl);
    }

    [Fact]
    public void Renewals_come_no_closer_than_a_quarter_or_the_later_would_prove_nothing()
    {
        var clock = new SessionClock(At(100), Timeout, 0);
        clock.Renewed(At(107));
        Assert.Equal(At(110), clock.NotBefore);
    }

    [Fact]
    public void A_new_connection_is_checked_by_the_ensembles_leader_and_counts_whole()
    {
        var clock = new SessionClock(At(100), Timeout, 0);
        Assert.Equal(new Renewal.Granted(At(107), TimeSpan.FromSeconds(6)), clock.Reconnected(At(107), TimeSpan.FromSeconds(9)));
    }

    private static Instant At(double seconds) => new(TimeSpan.FromSeconds(seconds));
}

using Conclave.Kubernetes.Wire;
using static Conclave.Kubernetes.Tests.LeaseRecordTests;

namespace Conclave.Kubernetes.Tests;

public sealed class SuccessionTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private readonly Succession _succession = new();
    private readonly List<Leader?> _told = [];
    private LeaseObject _lease = Stored(Unheld);
    private double _now = 100;

    [Fact]
    public void Every_leader_and_every_vacancy_is_told_once()
    {
        Listed(_lease);
        Changed(Acquire("a"));
        Changed(Renew());
        Changed(Release());
        Changed(Acquire("b"));
        Changed(null);
        Assert.Equal([null, "a", null, "b", null], _told.Select(leader => leader?.Value));
    }

    [Fact]
    public void A_gap_over_nothing_but_renewals_is_bridged()
    {
        Listed(Acquire("a"));
        Listed(Renew());
        Assert.False(_succession.IsHistoryLost);
        Assert.Single(_told);
    }

    [Fact]
    public void A_gap_over_a_vacancy_in_which_nobody_led_is_bridged()
    {
        Listed(Acquire("a"));
        Changed(Release());
        Listed(_lease with { Metadata = _lease.Metadata with { ResourceVersion = "77" } });
        Assert.False(_succession.IsHistoryLost);
    }

    [Fact]
    public void A_gap_in_which_somebody_may_have_led_is_told()
    {
        Listed(Acquire("a"));
        Changed(Release());
        Acquire("unseen");
        Listed(Release());
        Assert.True(_succession.IsHistoryLost);
        Assert.Equal(2, _told.Count);
    }

    [Fact]
    public void A_gap_in_which_the_same_candidate_led_again_is_told()
    {
        Listed(Acquire("a"));
        Release();
        Listed(Acquire("a"));
        Assert.True(_succession.IsHistoryLost);
    }

    [Fact]
    public void A_gap_without_a_Lease_before_or_after_is_told()
    {
        Listed(null);
        Listed(null);
        Assert.True(_succession.IsHistoryLost);
    }

    [Fact]
    public void A_holder_that_renews_no_more_is_a_vacancy_once_a_fresh_look_finds_nothing_newer()
    {
        Listed(Acquire("a"));
        Assert.False(Expire(_lease, 114));
        Assert.False(Expire(Stored(_lease.Spec!, "99"), 116));
        Assert.True(Expire(_lease, 116));
        Assert.Null(_succession.EndsAt);
        Assert.Null(_told[^1]);
    }

    [Fact]
    public void A_holder_that_was_taken_for_dead_and_renews_is_told_again()
    {
        Listed(Acquire("a"));
        Assert.True(Expire(_lease, 116));
        _now = 120;
        Changed(Renew());
        Assert.Equal(["a", null, "a"], _told.Select(leader => leader?.Value));
        Assert.NotNull(_succession.EndsAt);
    }

    private void Listed(LeaseObject? lease) => Take(new Sighting.Listed(lease));

    private void Changed(LeaseObject? lease) => Take(new Sighting.Changed(lease));

    private void Take(Sighting sighting)
    {
        if (_succession.TryTake(sighting, At(_now), out var leader))
            _told.Add(leader);
    }

    private bool Expire(LeaseObject fresh, double now)
    {
        var expired = _succession.TryExpire(fresh, At(now), out var leader);
        if (expired)
            _told.Add(leader);
        return expired;
    }

    private LeaseObject Acquire(string value) => Next(LeaseRecord.Acquired(_lease, "jobs", "same", value, TimeSpan.FromSeconds(15), Noon.AddSeconds(_now++)));

    private LeaseObject Renew() => Next(LeaseRecord.Renewed(_lease, TimeSpan.FromSeconds(15), Noon.AddSeconds(_now++)));

    private LeaseObject Release() => Next(LeaseRecord.Released(_lease, Noon.AddSeconds(_now++)));

    private LeaseObject Next(LeaseObject lease) =>
        _lease = lease with { Metadata = lease.Metadata with { ResourceVersion = (long.Parse(lease.Version, System.Globalization.CultureInfo.InvariantCulture) + 2).ToString(System.Globalization.CultureInfo.InvariantCulture) } };

    private static Instant At(double seconds) => new(TimeSpan.FromSeconds(seconds));
}

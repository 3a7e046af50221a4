using Conclave.Kubernetes.Wire;
using static Conclave.Kubernetes.Tests.LeaseRecordTests;

namespace Conclave.Kubernetes.Tests;

public sealed class LeaseSightTests
{
    [Theory]
    [InlineData("1999-01-01T00:00:00.000000Z")]
    [InlineData("2026-11-21T12:00:00.000000Z")]
    [InlineData("2099-01-01T00:00:00.000000Z")]
    public void A_holder_is_over_when_its_duration_has_passed_since_we_saw_it_renew_whatever_time_it_wrote(string renewTime)
    {
        var sight = See(null, Foreign with { RenewTime = renewTime }, 100);
        Assert.False(sight.IsFreeAt(At(114.9)));
        Assert.True(sight.IsFreeAt(At(115)));
    }

    [Fact]
    public void Any_change_of_the_record_begins_the_count_anew()
    {
        var sight = See(See(null, Foreign, 100), Foreign with { RenewTime = "2020-01-01T00:00:00.000000Z" }, 110);
        Assert.False(sight.IsFreeAt(At(124)));
        Assert.True(sight.IsFreeAt(At(125)));
    }

    [Fact]
    public void A_label_or_a_second_look_do_not()
    {
        var sight = See(null, Foreign, 100);
        sight = LeaseSight.After(sight, Stored(Foreign, "8"), At(110));
        Assert.True(sight.IsFreeAt(At(115)));
        Assert.Equal("8", sight.Lease!.Version);
    }

    [Fact]
    public void The_duration_is_the_holders_and_not_ours() => Assert.True(See(null, Foreign with { LeaseDurationSeconds = 3 }, 100).IsFreeAt(At(103)));

    [Fact]
    public void What_nobody_holds_is_free_at_once()
    {
        Assert.True(See(null, Unheld, 100).IsFreeAt(At(100)));
        Assert.True(LeaseSight.After(null, null, At(100)).IsFreeAt(At(100)));
    }

    [Fact]
    public void A_Lease_that_was_made_anew_is_another()
    {
        var sight = See(null, Foreign, 100);
        var anew = Stored(Foreign, "9") with { Metadata = Stored(Foreign).Metadata with { Uid = "other" } };
        Assert.False(LeaseSight.After(sight, anew, At(110)).IsFreeAt(At(115)));
    }

    private static LeaseSight See(LeaseSight? before, LeaseSpec spec, double now) => LeaseSight.After(before, Stored(spec), At(now));

    private static Instant At(double seconds) => new(TimeSpan.FromSeconds(seconds));
}

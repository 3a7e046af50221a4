namespace Conclave.Tests;

public sealed class LeaseOptionsTests
{
    [Fact]
    public void The_defaults_are_valid() => new LeaseOptions().Validate();

    public static TheoryData<string, LeaseOptions> Invalid => new()
    {
        { nameof(LeaseOptions.Ttl), new() { Ttl = TimeSpan.Zero } },
        { nameof(LeaseOptions.Ttl), new() { Ttl = TimeSpan.FromDays(2) } },
        { nameof(LeaseOptions.RenewalsPerTtl), new() { RenewalsPerTtl = 1 } },
        { nameof(LeaseOptions.ClockRateMargin), new() { ClockRateMargin = -0.1 } },
        { nameof(LeaseOptions.ClockRateMargin), new() { ClockRateMargin = double.NaN } },
        { nameof(LeaseOptions.StopMargin), new() { StopMargin = TimeSpan.FromSeconds(-1) } },
        { nameof(LeaseOptions.StopMargin), new() { Ttl = TimeSpan.FromSeconds(2), StopMargin = TimeSpan.FromSeconds(1.5) } },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public void What_makes_no_sense_is_refused_by_name(string option, LeaseOptions options)
    {
        var refused = Assert.Throws<ArgumentOutOfRangeException>(options.Validate);
        Assert.Equal(option, refused.ParamName);
        Assert.Contains($"LeaseOptions.{option}", refused.Message, StringComparison.Ordinal);
    }
}

using Conclave.Cli.Elections;
using Conclave.Cli.Lead;
using Conclave.Orchestration;

namespace Conclave.Cli.Tests.Lead;

public sealed class LeadOptionsTests
{
    public static TheoryData<string> Backends => [.. ElectionBackend.All.Select(backend => backend.Name)];

    [Theory]
    [MemberData(nameof(Backends))]
    public void The_defaults_of_every_backend_fit_together(string backend) => Options(backend).Validate();

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_grace_that_does_not_fit_is_refused_with_the_least_lease_that_would_do(string backend)
    {
        var options = Options(backend) with { Ttl = TimeSpan.FromSeconds(5), Grace = TimeSpan.FromSeconds(30) };
        var refused = Assert.Throws<ConclaveException>(options.Validate);
        Assert.Equal(ExitCode.Usage, refused.ExitCode);
        Assert.Contains("--grace 30 does not fit into --ttl 5", refused.Message, StringComparison.Ordinal);

        var least = int.Parse(refused.Message.Split("raise --ttl to ")[1].Split(' ')[0], System.Globalization.CultureInfo.InvariantCulture);
        (options with { Ttl = TimeSpan.FromSeconds(least) }).Validate();
        Assert.Throws<ConclaveException>((options with { Ttl = TimeSpan.FromSeconds(least - 1) }).Validate);
    }

    [Fact]
    public void Where_no_lease_is_long_enough_only_the_grace_can_be_lowered()
    {
        var refused = Assert.Throws<ConclaveException>((Options("etcd") with { Grace = TimeSpan.FromDays(2) }).Validate);
        Assert.EndsWith("; lower --grace", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_that_no_backend_takes_is_refused() =>
        Assert.Contains("--value", Assert.Throws<ConclaveException>((Options("etcd") with { Value = new string('x', LeadOptions.ValueBytesMax + 1) }).Validate).Message, StringComparison.Ordinal);

    private static LeadOptions Options(string name)
    {
        var backend = ElectionBackend.Named(name);
        return new LeadOptions { Kind = RunKind.Lead, Election = "billing/dialer", Command = ["true"], Address = new ElectionAddress(backend, [backend.EndpointDefault]), Ttl = backend.DefaultTtl };
    }
}

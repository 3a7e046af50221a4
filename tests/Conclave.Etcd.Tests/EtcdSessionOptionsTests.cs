using Conclave.Wire.Etcd;

namespace Conclave.Etcd.Tests;

public sealed class EtcdSessionOptionsTests
{
    [Fact]
    public void The_defaults_are_valid() => new EtcdSessionOptions().Validate();

    public static TheoryData<string, EtcdSessionOptions> Invalid => new()
    {
        { nameof(LeaseOptions.Ttl), new() { Lease = new LeaseOptions { Ttl = TimeSpan.Zero } } },
        { nameof(EtcdSessionOptions.WithdrawTimeout), new() { WithdrawTimeout = TimeSpan.Zero } },
        { nameof(EtcdSessionOptions.TryTimeout), new() { TryTimeout = TimeSpan.Zero } },
        { nameof(EtcdSessionOptions.RetryIntervalMin), new() { RetryIntervalMin = TimeSpan.Zero } },
        { nameof(EtcdSessionOptions.RetryIntervalMax), new() { RetryIntervalMin = TimeSpan.FromSeconds(2), RetryIntervalMax = TimeSpan.FromSeconds(1) } },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public async Task What_makes_no_sense_is_refused_by_name_where_the_session_is_made(string option, EtcdSessionOptions options)
    {
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = ["http://127.0.0.1:1"] });
        Assert.Equal(option, Assert.Throws<ArgumentOutOfRangeException>(() => new EtcdSession(client, options)).ParamName);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    public async Task An_election_without_a_name_is_refused(string name)
    {
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = ["http://127.0.0.1:1"] });
        await using var session = new EtcdSession(client);
        Assert.Throws<ArgumentException>(() => new EtcdElection(session, name));
        Assert.Throws<ArgumentException>(() => new EtcdElection(session, new string('x', EtcdElection.NameBytesMax + 1)));
    }
}

using Conclave.Contract;
using Conclave.Wire.Etcd;

namespace Conclave.Etcd.Tests;

public sealed class EtcdLeaseTests
{
    [Fact]
    public async Task A_lease_is_counted_from_before_it_was_asked_for()
    {
        await using var server = new DebianEtcd();
        await server.StartAsync();
        await using var network = new Relay(server.Socket);
        network.Delay = TimeSpan.FromMilliseconds(300);
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [network.Address], RequestTimeout = TimeSpan.FromSeconds(30) });
        var options = new EtcdSessionOptions { Lease = new LeaseOptions { Ttl = TimeSpan.FromSeconds(60) } };

        var lease = await EtcdLease.GrantAsync(client, options, BootTime.Provider, CancellationToken.None);

        var answered = Instant.Now(BootTime.Provider);
        Assert.True(lease.Timer.Clock.EndsAt <= answered - network.Delay - network.Delay + LeaseClock.Usable(options.Lease.Ttl, options.Lease), "the way there and back was not counted");
    }
}

using Conclave.Wire.Etcd;

namespace Conclave.Server.Tests;

/// <summary>Three servers: every one serves everything, and the loss of one is survived.</summary>
public sealed class ClusterTests
{
    [Fact]
    public async Task Any_member_serves_writes_reads_leases_and_the_list_of_members()
    {
        await using var cluster = await TestCluster.StartAsync(3);
        for (var i = 0; i < 3; i++)
        {
            await using var client = cluster.NewClient(i);
            var lease = await client.LeaseGrantAsync(new LeaseGrantRequest { TTL = 60 });
            await client.PutAsync(new PutRequest { Key = TestCluster.Text($"k{i}"), Lease = lease.ID });
            Assert.Equal(60, (await client.LeaseKeepAliveAsync(lease.ID)).TTL);
            var left = await client.LeaseTimeToLiveAsync(new LeaseTimeToLiveRequest { ID = lease.ID, Keys = true });
            Assert.InRange(left.TTL, 50, 60);
            Assert.Equal(TestCluster.Text($"k{i}"), left.Keys.Single());
            Assert.Equal(3, (await client.MemberListAsync()).Members.Count);
            Assert.Equal(i + 1, (await client.RangeAsync(new RangeRequest { Key = TestCluster.Text("k"), RangeEnd = TestCluster.Text("l") })).Count);
        }

        await using var any = cluster.NewClient();
        var revision = (await any.RangeAsync(new RangeRequest { Key = TestCluster.Text("k") })).Header.Revision;
        for (var i = 0; i < 3; i++)
        {
            await using var client = cluster.NewClient(i); // a linearizable read first, so that the member has everything
            await client.RangeAsync(new RangeRequest { Key = TestCluster.Text("k") });
        }

        var hashes = await Task.WhenAll(cluster.Endpoints.Select(endpoint => any.HashKVAsync(endpoint, revision)));
        Assert.Single(hashes.Select(hash => hash.Hash).Distinct());
    }

    [Fact]
    public async Task The_loss_of_the_leader_loses_no_acknowledged_write_and_no_event()
    {
        await using var cluster = await TestCluster.StartAsync(3);
        await using var client = cluster.NewClient();
        using var deadline = new CancellationTokenSource(TestCluster.Deadline);
        var acknowledged = new HashSet<string>();
        var seen = new HashSet<string>();
        var watching = WatchAsync();

        await PutAsync(0, 20);
        await cluster.StopMemberAsync(cluster.Leader);
        await PutAsync(20, 40);
        await watching;

        var read = await client.RangeAsync(new RangeRequest { Key = TestCluster.Text("k"), RangeEnd = TestCluster.Text("l") });
        Assert.Superset(acknowledged, read.Kvs.Select(kv => kv.Key.ToStringUtf8()).ToHashSet());
        Assert.Superset(acknowledged, seen);

        async Task PutAsync(int from, int to)
        {
            for (var i = from; i < to; i++)
            {
                try
                {
                    await client.PutAsync(new PutRequest { Key = TestCluster.Text($"k{i}") }, deadline.Token);
                    acknowledged.Add($"k{i}");
                }
                catch (EtcdException e) when (e.OutcomeUnknown)
                {
                    // Neither acknowledged nor refused: either end is right.
                }
            }

            await client.PutAsync(new PutRequest { Key = TestCluster.Text($"k-end{to}") }, deadline.Token);
        }

        async Task WatchAsync()
        {
            await foreach (var response in client.WatchAsync(new WatchCreateRequest { Key = TestCluster.Text("k"), RangeEnd = TestCluster.Text("l"), StartRevision = 1 }, deadline.Token))
            {
                foreach (var happened in response.Events) Assert.True(seen.Add(happened.Kv.Key.ToStringUtf8()), "an event came twice");
                if (seen.Contains("k-end40")) return;
            }
        }
    }

    [Fact]
    public async Task Without_a_quorum_a_watch_that_wants_a_leader_ends_and_stale_reads_go_on()
    {
        await using var cluster = await TestCluster.StartAsync(3);
        using var channel = new Wire.Grpc.GrpcChannel(Wire.Grpc.GrpcAddress.Parse(cluster.Endpoints[0]), new Wire.Grpc.GrpcChannelOptions());
        await using var call = channel.Open(EtcdMethods.Watch, new Dictionary<string, string>(StringComparer.Ordinal) { ["hasleader"] = "true" }, default);
        await call.WriteAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = TestCluster.Text("k") } }, default);
        Assert.True((await call.ReadAsync(default))!.Created);

        await cluster.StopMemberAsync(1);
        await cluster.StopMemberAsync(2);

        var ended = await Assert.ThrowsAsync<Wire.Grpc.GrpcException>(() => call.ReadAsync(default).AsTask().WaitAsync(TestCluster.Deadline));
        Assert.Equal("etcdserver: no leader", ended.Message);
        await using var client = cluster.NewClient(0);
        await client.RangeAsync(new RangeRequest { Key = TestCluster.Text("k"), Serializable = true });
    }
}

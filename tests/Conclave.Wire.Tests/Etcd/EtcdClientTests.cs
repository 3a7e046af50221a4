using System.Net;
using System.Net.Sockets;
using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;
using Google.Protobuf;

namespace Conclave.Wire.Tests.Etcd;

/// <summary>Every method of the client against a real etcd.</summary>
public sealed class EtcdClientTests(SharedEtcd etcd) : IClassFixture<SharedEtcd>
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_value_put_is_read_back_and_deleted()
    {
        await using var client = etcd.NewClient();

        var put = await client.PutAsync(new PutRequest { Key = Key("a"), Value = Key("1") });
        var read = await client.RangeAsync(new RangeRequest { Key = Key("a") });
        var deleted = await client.DeleteRangeAsync(new DeleteRangeRequest { Key = Key("a"), PrevKv = true });

        Assert.Equal(put.Header.Revision, read.Kvs.Single().ModRevision);
        Assert.Equal(Key("1"), read.Kvs.Single().Value);
        Assert.Equal(1, deleted.Deleted);
        Assert.Equal(Key("1"), deleted.PrevKvs.Single().Value);
        Assert.Equal(put.Header.Revision + 1, deleted.Header.Revision);
    }

    [Fact]
    public async Task A_value_of_a_megabyte_crosses_both_ways()
    {
        await using var client = etcd.NewClient();
        var value = new byte[1 << 20];
        new Random(1).NextBytes(value);

        await client.PutAsync(new PutRequest { Key = Key("large"), Value = ByteString.CopyFrom(value) });
        var read = await client.RangeAsync(new RangeRequest { Key = Key("large") });

        Assert.Equal(value, read.Kvs.Single().Value.ToByteArray());
    }

    [Fact]
    public async Task A_transaction_takes_the_branch_its_compare_allows()
    {
        await using var client = etcd.NewClient();
        var request = new TxnRequest
        {
            Compare = { new Compare { Key = Key("txn"), Target = Compare.Types.CompareTarget.Create, Result = Compare.Types.CompareResult.Equal, CreateRevision = 0 } },
            Success = { new RequestOp { RequestPut = new PutRequest { Key = Key("txn"), Value = Key("mine") } } },
            Failure = { new RequestOp { RequestRange = new RangeRequest { Key = Key("txn") } } },
        };

        var first = await client.TxnAsync(request);
        var second = await client.TxnAsync(request);

        Assert.True(first.Succeeded);
        Assert.False(second.Succeeded);
        Assert.Equal(Key("mine"), second.Responses.Single().ResponseRange.Kvs.Single().Value);
    }

    [Fact]
    public async Task A_refusal_carries_the_status_and_the_text_of_etcd()
    {
        await using var client = etcd.NewClient();

        var refused = await Assert.ThrowsAsync<EtcdException>(() => client.PutAsync(new PutRequest()));

        Assert.Equal(GrpcStatus.InvalidArgument, refused.Status);
        Assert.Equal("etcdserver: key is not provided", refused.Message);
        Assert.False(refused.OutcomeUnknown);
    }

    [Fact]
    public async Task A_lease_is_granted_renewed_listed_and_revoked_with_its_keys()
    {
        await using var client = etcd.NewClient();

        var lease = await client.LeaseGrantAsync(new LeaseGrantRequest { TTL = 60 });
        await client.PutAsync(new PutRequest { Key = Key("leased"), Lease = lease.ID });
        var renewed = await client.LeaseKeepAliveAsync(lease.ID);
        var left = await client.LeaseTimeToLiveAsync(new LeaseTimeToLiveRequest { ID = lease.ID, Keys = true });
        var all = await client.LeaseLeasesAsync();
        await client.LeaseRevokeAsync(new LeaseRevokeRequest { ID = lease.ID });
        var gone = await client.LeaseKeepAliveAsync(lease.ID);
        var read = await client.RangeAsync(new RangeRequest { Key = Key("leased") });

        Assert.Equal(60, renewed.TTL);
        Assert.Equal(60, left.GrantedTTL);
        Assert.Equal(Key("leased"), left.Keys.Single());
        Assert.Contains(lease.ID, all.Leases.Select(status => status.ID));
        Assert.True(gone.TTL <= 0);
        Assert.Empty(read.Kvs);
    }

    [Fact]
    public async Task Two_hundred_leases_are_renewed_through_one_stream()
    {
        await using var client = etcd.NewClient();
        var leases = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => client.LeaseGrantAsync(new LeaseGrantRequest { TTL = 60 })));

        var renewed = await Task.WhenAll(leases.Select(lease => client.LeaseKeepAliveAsync(lease.ID)));

        Assert.All(leases.Zip(renewed), pair => Assert.Equal((pair.First.ID, 60), (pair.Second.ID, pair.Second.TTL)));
    }

    [Fact]
    public async Task A_lease_that_nobody_renews_takes_its_key_away()
    {
        await using var client = etcd.NewClient();
        using var deadline = new CancellationTokenSource(Deadline);
        var lease = await client.LeaseGrantAsync(new LeaseGrantRequest { TTL = 1 });
        var put = await client.PutAsync(new PutRequest { Key = Key("fading"), Lease = lease.ID });

        await foreach (var response in client.WatchAsync(new WatchCreateRequest { Key = Key("fading"), StartRevision = put.Header.Revision + 1 }, deadline.Token))
        {
            if (response.Created) continue;
            Assert.Equal(Event.Types.EventType.Delete, response.Events.Single().Type);
            break;
        }
    }

    [Fact]
    public async Task A_watch_shows_history_then_what_happens()
    {
        await using var client = etcd.NewClient();
        using var deadline = new CancellationTokenSource(Deadline);
        var first = await client.PutAsync(new PutRequest { Key = Key("w/1"), Value = Key("old") });
        var seen = new List<string>();

        await foreach (var response in client.WatchAsync(
            new WatchCreateRequest { Key = Key("w/"), RangeEnd = Key("w0"), StartRevision = first.Header.Revision, PrevKv = true }, deadline.Token))
        {
            if (response.Created) await client.PutAsync(new PutRequest { Key = Key("w/1"), Value = Key("new") });
            seen.AddRange(response.Events.Select(e => $"{e.Kv.Key.ToStringUtf8()}={e.Kv.Value.ToStringUtf8()}<{e.PrevKv?.Value.ToStringUtf8()}"));
            if (seen.Count == 2) break;
        }

        Assert.Equal(["w/1=old<", "w/1=new<old"], seen);
    }

    [Fact]
    public async Task A_watch_of_compacted_history_says_so_with_its_own_exception()
    {
        await using var client = etcd.NewClient();
        using var deadline = new CancellationTokenSource(Deadline);
        for (var i = 0; i < 3; i++) await client.PutAsync(new PutRequest { Key = Key("c"), Value = Key("x") });
        var now = (await client.RangeAsync(new RangeRequest { Key = Key("c") })).Header.Revision;
        await client.CompactAsync(new CompactionRequest { Revision = now });

        var refused = await Assert.ThrowsAsync<EtcdCompactedException>(async () =>
        {
            await foreach (var response in client.WatchAsync(new WatchCreateRequest { Key = Key("c"), StartRevision = 1 }, deadline.Token)) Assert.Empty(response.Events);
        });

        Assert.True(refused.CompactRevision >= now);
    }

    [Fact]
    public async Task A_cancelled_watch_ends_as_cancelled()
    {
        await using var client = etcd.NewClient();
        using var cancel = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var response in client.WatchAsync(new WatchCreateRequest { Key = Key("quiet") }, cancel.Token))
            {
                Assert.True(response.Created);
                await cancel.CancelAsync();
            }
        });
    }

    [Fact]
    public async Task Members_and_status_name_the_same_member()
    {
        await using var client = etcd.NewClient();

        var members = await client.MemberListAsync();
        var status = await client.StatusAsync(etcd.Endpoint);
        var hash = await client.HashKVAsync();

        Assert.Equal(status.Header.MemberId, members.Members.Single().ID);
        Assert.Equal(status.Leader, status.Header.MemberId);
        Assert.NotEqual(0u, hash.Hash);
    }

    [Fact]
    public async Task A_dead_endpoint_is_passed_over_for_reads_and_writes()
    {
        await using var client = etcd.NewClient("http://127.0.0.1:1", "unix:///nowhere/at/all");

        await client.PutAsync(new PutRequest { Key = Key("failover"), Value = Key("x") });
        var read = await client.RangeAsync(new RangeRequest { Key = Key("failover") });

        Assert.Single(read.Kvs);
    }

    [Fact]
    public async Task Nobody_there_ends_without_an_answer_and_a_write_is_known_not_to_have_happened()
    {
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = ["127.0.0.1:1"], RequestTimeout = TimeSpan.FromSeconds(1) });

        var failed = await Assert.ThrowsAsync<EtcdException>(() => client.PutAsync(new PutRequest { Key = Key("x") }));

        Assert.Equal((GrpcStatus.Unavailable, false), (failed.Status, failed.OutcomeUnknown));
        Assert.Contains("refused", failed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_the_time_is_up_before_the_last_attempt_has_sent_anything_an_earlier_one_says_why()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var serving = BreakOneAndTakeAnotherAsync();
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [$"https://{server.LocalEndpoint}"], RequestTimeout = TimeSpan.FromSeconds(1.5) });

        var failed = await Assert.ThrowsAsync<EtcdException>(() => client.PutAsync(new PutRequest { Key = Key("x") }));

        Assert.Equal((GrpcStatus.Unavailable, false), (failed.Status, failed.OutcomeUnknown));
        using var silent = await serving; // there was a last attempt, and nobody answered it

        async Task<TcpClient> BreakOneAndTakeAnotherAsync()
        {
            (await server.AcceptTcpClientAsync()).Dispose();
            return await server.AcceptTcpClientAsync();
        }
    }

    [Theory]
    [InlineData("ftp://127.0.0.1:2379")]
    [InlineData("http://127.0.0.1:2379/path")]
    [InlineData("unix:")]
    public void An_endpoint_that_cannot_be_dialled_is_refused_by_name(string endpoint)
    {
        var refused = Assert.Throws<ArgumentException>(() => new EtcdClient(new EtcdClientOptions { Endpoints = [endpoint] }));

        Assert.Contains(endpoint, refused.Message, StringComparison.Ordinal);
    }

    private static ByteString Key(string text) => ByteString.CopyFromUtf8(text);
}

using Conclave.Server.Services;
using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;
using Google.Protobuf;

namespace Conclave.Server.Tests;

public sealed class WatchTests
{
    [Fact]
    public async Task A_slow_watcher_holds_nobody_up_and_misses_nothing()
    {
        await using var cluster = await TestCluster.StartAsync(watches: new WatchLimits { QueuedResponsesMax = 2 });
        await using var client = cluster.NewClient();
        using var channel = new GrpcChannel(GrpcAddress.Parse(cluster.Endpoints[0]), new GrpcChannelOptions());
        await using var call = channel.Open(EtcdMethods.Watch, null, default);
        await call.WriteAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = TestCluster.Text("k") } }, default);
        Assert.True((await call.ReadAsync(default))!.Created);
        var value = ByteString.CopyFrom(new byte[100_000]);

        for (var i = 0; i < 200; i++) await client.PutAsync(new PutRequest { Key = TestCluster.Text("k"), Value = value }); // 20 MB that nobody reads

        var versions = new List<long>();
        while (versions.Count < 200) versions.AddRange((await call.ReadAsync(default).AsTask().WaitAsync(TestCluster.Deadline))!.Events.Select(e => e.Kv.Version));
        Assert.Equal(Enumerable.Range(1, 200).Select(i => (long)i), versions);
    }

    [Fact]
    public async Task Many_watches_share_a_stream_and_are_cancelled_apart()
    {
        await using var cluster = await TestCluster.StartAsync();
        await using var client = cluster.NewClient();
        using var channel = new GrpcChannel(GrpcAddress.Parse(cluster.Endpoints[0]), new GrpcChannelOptions());
        await using var call = channel.Open(EtcdMethods.Watch, null, default);

        Assert.Equal(0, (await AskAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = TestCluster.Text("a") } })).WatchId);
        Assert.Equal(7, (await AskAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = TestCluster.Text("b"), WatchId = 7 } })).WatchId);
        Assert.Equal(1, (await AskAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = TestCluster.Text("a"), Filters = { WatchCreateRequest.Types.FilterType.Noput } } })).WatchId);
        var twice = await AskAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = TestCluster.Text("b"), WatchId = 7 } });
        Assert.True(twice is { WatchId: -1, Created: true, Canceled: true });
        var empty = await AskAsync(new WatchRequest { CreateRequest = new WatchCreateRequest { Key = TestCluster.Text("b"), RangeEnd = TestCluster.Text("a") } });
        Assert.True(empty is { WatchId: -1, Canceled: true });
        Assert.True((await AskAsync(new WatchRequest { CancelRequest = new WatchCancelRequest { WatchId = 7 } })) is { WatchId: 7, Canceled: true });

        await client.PutAsync(new PutRequest { Key = TestCluster.Text("b") });
        var put = await client.PutAsync(new PutRequest { Key = TestCluster.Text("a") });
        var told = (await call.ReadAsync(default))!;
        Assert.Equal((0, put.Header.Revision), (told.WatchId, told.Header.Revision));
        await client.DeleteRangeAsync(new DeleteRangeRequest { Key = TestCluster.Text("a") });
        var ids = new[] { (await call.ReadAsync(default))!.WatchId, (await call.ReadAsync(default))!.WatchId };
        Assert.Equal([0, 1], ids.Order());
        var progress = await AskAsync(new WatchRequest { ProgressRequest = new WatchProgressRequest() });
        Assert.Equal((-1, put.Header.Revision + 1), (progress.WatchId, progress.Header.Revision));

        async Task<WatchResponse> AskAsync(WatchRequest request)
        {
            await call.WriteAsync(request, default);
            return (await call.ReadAsync(default).AsTask().WaitAsync(TestCluster.Deadline))!;
        }
    }

    [Fact]
    public async Task An_idle_watch_that_asked_for_it_hears_the_revision()
    {
        await using var cluster = await TestCluster.StartAsync(watches: new WatchLimits { ProgressInterval = TimeSpan.FromMilliseconds(50) });
        await using var client = cluster.NewClient();
        using var deadline = new CancellationTokenSource(TestCluster.Deadline);
        await foreach (var response in client.WatchAsync(new WatchCreateRequest { Key = TestCluster.Text("k"), ProgressNotify = true }, deadline.Token))
        {
            if (response.Created) continue;
            Assert.Empty(response.Events);
            break;
        }
    }

    [Fact]
    public void A_large_response_is_split_between_events_and_says_so()
    {
        var whole = new WatchResponse { Header = new ResponseHeader { Revision = 5 }, WatchId = 3 };
        for (var i = 0; i < 10; i++) whole.Events.Add(new Event { Kv = new KeyValue { Version = i, Value = ByteString.CopyFrom(new byte[100]) } });

        var parts = WatchStream.Split(whole, 300).ToList();

        Assert.True(parts.Count > 1);
        Assert.All(parts, part => Assert.Equal(3, part.WatchId));
        Assert.Equal(Enumerable.Range(0, 10).Select(i => (long)i), parts.SelectMany(part => part.Events).Select(e => e.Kv.Version));
        Assert.Equal([.. Enumerable.Repeat(true, parts.Count - 1), false], parts.Select(part => part.Fragment));
    }
}

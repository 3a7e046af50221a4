using System.Globalization;
using Conclave.Wire.Etcd;
using Conclave.Wire.Tests.Grpc;
using Google.Protobuf;

namespace Conclave.Wire.Tests.Etcd;

/// <summary>Many watches of one client, against a real etcd, which counts streams and watches itself.</summary>
public sealed class WatchStreamTests(SharedEtcd etcd) : IClassFixture<SharedEtcd>
{
    private const string Streams = "etcd_debugging_mvcc_watch_stream_total";
    private const string Watchers = "etcd_debugging_mvcc_watcher_total";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Two_hundred_watches_share_one_stream_and_each_hears_its_own()
    {
        await using var client = etcd.NewClient();
        await UntilAsync(Streams, 0);
        var watches = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => OpenAsync(client, $"many/{i}")));
        await UntilAsync(Streams, 1);

        for (var i = watches.Length - 1; i >= 0; i--) await PutAsync(client, $"many/{i}", $"{i}");

        for (var i = 0; i < watches.Length; i++) Assert.Equal([$"{i}"], await NextAsync(watches[i]));
        foreach (var watch in watches) await watch.DisposeAsync();
    }

    [Fact]
    public async Task A_watch_that_is_left_is_cancelled_and_the_others_go_on()
    {
        await using var client = etcd.NewClient();
        var stays = await OpenAsync(client, "left/stays");
        var leaves = await OpenAsync(client, "left/leaves");
        await UntilAsync(Watchers, 2);

        await leaves.DisposeAsync();

        await UntilAsync(Watchers, 1);
        await PutAsync(client, "left/stays", "1");
        Assert.Equal(["1"], await NextAsync(stays));
        await stays.DisposeAsync();
    }

    [Fact]
    public async Task A_watch_that_is_cancelled_before_it_is_created_is_not_left_behind()
    {
        await using var client = etcd.NewClient();
        var stays = await OpenAsync(client, "early/stays");
        using var cancel = new CancellationTokenSource();
        var watch = client.WatchAsync(new WatchCreateRequest { Key = Key("early/leaves") }, cancel.Token).GetAsyncEnumerator();
        var created = watch.MoveNextAsync();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await created;
            await watch.MoveNextAsync();
        });
        await watch.DisposeAsync();

        await UntilAsync(Watchers, 1);
        await stays.DisposeAsync();
    }

    [Fact]
    public async Task A_refused_watch_leaves_the_others_alone()
    {
        await using var client = etcd.NewClient();
        var stays = await OpenAsync(client, "refused/stays");
        for (var i = 0; i < 3; i++) await PutAsync(client, "refused/old", "x");
        var now = (await client.RangeAsync(new RangeRequest { Key = Key("refused/old") })).Header.Revision;
        await client.CompactAsync(new CompactionRequest { Revision = now });

        await Assert.ThrowsAsync<EtcdCompactedException>(async () =>
        {
            await foreach (var response in client.WatchAsync(new WatchCreateRequest { Key = Key("refused/old"), StartRevision = 1 })) Assert.Empty(response.Events);
        });

        await PutAsync(client, "refused/stays", "1");
        Assert.Equal(["1"], await NextAsync(stays));
        await stays.DisposeAsync();
    }

    [Fact]
    public async Task A_reader_that_is_behind_holds_up_nobody_and_misses_nothing()
    {
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [etcd.Endpoint], RequestTimeout = TimeSpan.FromSeconds(20), WatchBacklogMax = 2 });
        var slow = await OpenAsync(client, "behind/slow");
        var quick = await OpenAsync(client, "behind/quick");

        for (var i = 0; i < 50; i++) await PutAsync(client, "behind/slow", $"{i}");
        await PutAsync(client, "behind/quick", "1");

        Assert.Equal(["1"], await NextAsync(quick));
        var seen = new List<string>();
        while (seen.Count < 50) seen.AddRange(await NextAsync(slow));
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{i}"), seen);
        await slow.DisposeAsync();
        await quick.DisposeAsync();
    }

    [Fact]
    public async Task All_watches_resume_after_a_restart_each_where_it_stood()
    {
        await using var own = await RealEtcd.StartNewAsync();
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [own.Endpoint], RequestTimeout = TimeSpan.FromSeconds(20) });
        var watches = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => OpenAsync(client, $"again/{i}")));
        for (var i = 0; i < watches.Length; i++) await PutAsync(client, $"again/{i}", "before");
        foreach (var watch in watches) Assert.Equal(["before"], await NextAsync(watch));

        await own.KillAsync();
        await own.StartAsync();
        for (var i = 0; i < watches.Length; i++) await PutAsync(client, $"again/{i}", "after");

        foreach (var watch in watches) Assert.Equal(["after"], await NextAsync(watch));
        foreach (var watch in watches) await watch.DisposeAsync();
    }

    [Fact]
    public async Task A_slow_server_creates_all_watches_on_one_stream_however_long_that_takes()
    {
        var streams = 0;
        await using var slow = new TestServer(router => router.MapDuplex(EtcdMethods.Watch, async (requests, responses, call) =>
        {
            Interlocked.Increment(ref streams);
            for (var id = 0; await requests.ReadAsync(call.Cancellation) is { CreateRequest: not null }; id++)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(300), call.Cancellation);
                await responses.WriteAsync(new WatchResponse { Created = true, WatchId = id, Header = new ResponseHeader { Revision = 1 } }, call.Cancellation);
            }
        }));
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [slow.Endpoint], RequestTimeout = TimeSpan.FromSeconds(1) });

        var watches = await Task.WhenAll(Enumerable.Range(0, 7).Select(i => OpenAsync(client, $"{i}")));

        Assert.Equal(1, streams);
        foreach (var watch in watches) await watch.DisposeAsync();
    }

    [Fact]
    public async Task Watches_pass_over_a_server_that_says_nothing()
    {
        await using var silent = new TestServer(router => router.MapDuplex(EtcdMethods.Watch, async (requests, _, call) =>
        {
            while (await requests.ReadAsync(call.Cancellation) is not null)
            {
                // It hears everything.
            }
        }));
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [silent.Endpoint, etcd.Endpoint], RequestTimeout = TimeSpan.FromSeconds(2) });

        var watches = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => OpenAsync(client, $"over/{i}")));

        await PutAsync(client, "over/1", "1");
        Assert.Equal(["1"], await NextAsync(watches[1]));
        foreach (var watch in watches) await watch.DisposeAsync();
    }

    /// <summary>A watch that the server has created.</summary>
    private static async Task<IAsyncEnumerator<WatchResponse>> OpenAsync(EtcdClient client, string key)
    {
        var watch = client.WatchAsync(new WatchCreateRequest { Key = Key(key) }).GetAsyncEnumerator();
        Assert.True(await watch.MoveNextAsync().AsTask().WaitAsync(Deadline));
        Assert.True(watch.Current.Created);
        return watch;
    }

    private static async Task<IEnumerable<string>> NextAsync(IAsyncEnumerator<WatchResponse> watch)
    {
        Assert.True(await watch.MoveNextAsync().AsTask().WaitAsync(Deadline));
        return watch.Current.Events.Select(change => change.Kv.Value.ToStringUtf8());
    }

    private static Task<PutResponse> PutAsync(EtcdClient client, string key, string value) => client.PutAsync(new PutRequest { Key = Key(key), Value = Key(value) });

    private async Task UntilAsync(string metric, int count)
    {
        using var http = new HttpClient();
        using var deadline = new CancellationTokenSource(Deadline);
        while (true)
        {
            var line = (await http.GetStringAsync(new Uri(etcd.Endpoint + "/metrics"), deadline.Token)).Split('\n').First(line => line.StartsWith(metric + " ", StringComparison.Ordinal));
            if (double.Parse(line[metric.Length..], CultureInfo.InvariantCulture) == count) return;
            await Task.Delay(10, deadline.Token);
        }
    }

    private static ByteString Key(string text) => ByteString.CopyFromUtf8(text);
}

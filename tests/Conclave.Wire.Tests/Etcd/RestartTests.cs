using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Wire.Tests.Etcd;

/// <summary>What the client makes of an etcd that is killed and comes back.</summary>
public sealed class RestartTests
{
    [Fact]
    public async Task A_watch_resumes_across_a_restart_without_gap_or_duplicate()
    {
        await using var etcd = await RealEtcd.StartNewAsync();
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [etcd.Endpoint], RequestTimeout = TimeSpan.FromSeconds(20) });
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var seen = new List<string>();
        var started = new TaskCompletionSource();
        var half = new TaskCompletionSource();
        var watching = WatchAsync();
        await started.Task;

        for (var i = 0; i < 10; i++) await PutAsync(i);
        await half.Task.WaitAsync(deadline.Token);
        await etcd.KillAsync();
        await etcd.StartAsync();
        for (var i = 10; i < 20; i++) await PutAsync(i);
        await watching;

        Assert.Equal(Enumerable.Range(0, 20).Select(i => $"{i}"), seen);

        async Task PutAsync(int i) => await client.PutAsync(new PutRequest { Key = ByteString.CopyFromUtf8("k"), Value = ByteString.CopyFromUtf8($"{i}") }, deadline.Token);

        async Task WatchAsync()
        {
            await foreach (var response in client.WatchAsync(new WatchCreateRequest { Key = ByteString.CopyFromUtf8("k") }, deadline.Token))
            {
                if (response.Created) Assert.True(started.TrySetResult(), "created is said once");
                seen.AddRange(response.Events.Select(e => e.Kv.Value.ToStringUtf8()));
                if (seen.Count >= 10) half.TrySetResult();
                if (seen.Count >= 20) return;
            }
        }
    }

    [Fact]
    public async Task Reads_and_renewals_wait_out_a_restart()
    {
        await using var etcd = await RealEtcd.StartNewAsync();
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [etcd.Endpoint], RequestTimeout = TimeSpan.FromSeconds(30) });
        var lease = await client.LeaseGrantAsync(new LeaseGrantRequest { TTL = 60 });
        await client.LeaseKeepAliveAsync(lease.ID);

        await etcd.KillAsync();
        var read = client.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8("k") });
        var renewal = client.LeaseKeepAliveAsync(lease.ID);
        await etcd.StartAsync();

        Assert.Equal(60, (await renewal).TTL);
        Assert.NotNull((await read).Header);
    }

    [Fact]
    public async Task A_write_without_an_answer_is_unknown()
    {
        await using var silent = new SilentServer();
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [silent.Endpoint], RequestTimeout = TimeSpan.FromSeconds(1) });

        var put = client.PutAsync(new PutRequest { Key = ByteString.CopyFromUtf8("k") });
        await silent.RequestArrived.WaitAsync(TimeSpan.FromSeconds(30));

        Assert.True((await Assert.ThrowsAsync<EtcdException>(() => put)).OutcomeUnknown);
    }
}

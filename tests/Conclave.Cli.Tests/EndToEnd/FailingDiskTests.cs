using System.Diagnostics;
using System.Globalization;
using System.Text;
using Conclave.Cli.Cluster;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;
using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Cli.Tests.EndToEnd;

[Collection(EndToEndCollection.Name)]
public sealed class FailingDiskTests(SharedCluster shared)
{
    private const string Prefix = "/e2e/acknowledged/";

    [NeedsFact("strace")]
    public async Task Node_whose_flush_fails_stops_says_so_and_is_replaced_and_nothing_acknowledged_is_lost()
    {
        var cluster = await shared.HealthyAsync();
        var before = await cluster.HealthyAsync();
        var node = before.Follower();
        var moment = RunningCluster.Now();
        await using var handle = ClusterHandle.Open(new ClusterLocation(cluster.DataDirectory));
        using var enough = new CancellationTokenSource();
        var writing = WriteAsync(handle.Store.Client, enough.Token);
        await using var load = await cluster.LoadAsync();

        // The next fdatasync of the node answers EIO, once; strace ends with it.
        using var strace = Process.Start(new ProcessStartInfo("strace", [
            "-f", "-p", before.PidOf(node).ToString(CultureInfo.InvariantCulture), "-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO:when=1", "-o", "/dev/null"])
        {
            RedirectStandardError = true,
        })!;
        var said = ConclaveProgram.ReadAsync(strace.StandardError);

        var failed = await cluster.UntilEventAsync($"{node} says that it failed", moment, e => e.Kind == EventKind.NodeFailed && e.Subject == node);
        var after = await cluster.UntilAsync(
            $"{node} is another process and the cluster is healthy", s => s.State == ClusterState.Healthy && s.Node(node).Pid is { } pid && pid != before.PidOf(node));
        await enough.CancelAsync();
        var acknowledged = await writing.WaitAsync(Waiting.Deadline);
        await strace.WaitForExitAsync();
        await said;

        Assert.True(failed.Why.Length > 0, "the event says why");
        Assert.Equal(before.Processes(), after.Processes());
        foreach (var name in handle.Nodes)
            Assert.Empty(acknowledged.Except(await ReadAsync(handle, name)));
        (await load.EndAsync()).RequireNoFailure();
    }

    /// <summary>One write after the other, until it is enough and at least a hundred were acknowledged; those that were.</summary>
    private static async Task<List<string>> WriteAsync(EtcdClient client, CancellationToken enough)
    {
        var acknowledged = new List<string>();
        for (var i = 0; acknowledged.Count < 100 || !enough.IsCancellationRequested; i++)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{i}");
            try
            {
                await client.PutAsync(new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8("x") }, CancellationToken.None);
                acknowledged.Add(key);
            }
            catch (EtcdException)
            {
                // Refused or unknown: nothing was promised.
            }
        }

        return acknowledged;
    }

    /// <summary>What a node itself has, once it has caught up with the group.</summary>
    private static async Task<List<string>> ReadAsync(ClusterHandle handle, string node)
    {
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = ["unix://" + handle.Directory.ClientSocket(node)], RequestTimeout = TimeSpan.FromSeconds(10) });
        var range = new RangeRequest { Key = ByteString.CopyFromUtf8(Prefix), RangeEnd = ByteString.CopyFrom(Orchestration.Cluster.ClusterKeys.EndOf(Prefix)), KeysOnly = true };
        await client.RangeAsync(range, CancellationToken.None); // linearizable, so this member has applied what was committed
        range.Serializable = true;
        return [.. (await client.RangeAsync(range, CancellationToken.None)).Kvs.Select(kv => Encoding.UTF8.GetString(kv.Key.Span))];
    }
}

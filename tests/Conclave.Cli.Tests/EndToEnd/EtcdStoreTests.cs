using System.Diagnostics;
using System.Globalization;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary><c>store: { etcd: [...] }</c>: the nodes keep their state in a real etcd and elect through its lease.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class EtcdStoreTests
{
    private static readonly TimeSpan Ttl = new LeaseOptions().Ttl;

    [NeedsFact("etcd")]
    public async Task Cluster_on_an_existing_etcd_heals_like_one_with_its_own_store()
    {
        var directory = Directory.CreateTempSubdirectory("conclave-etcd-").FullName;
        var (clients, peers) = (Url(), Url());
        using var etcd = Process.Start(new ProcessStartInfo("etcd", [
            "--data-dir", Path.Combine(directory, "data"), "--log-level", "error",
            "--listen-client-urls", clients, "--advertise-client-urls", clients,
            "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default=" + peers])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        })!;
        var said = Task.WhenAll(ConclaveProgram.ReadAsync(etcd.StandardOutput), ConclaveProgram.ReadAsync(etcd.StandardError));
        try
        {
            await using (var cluster = RunningCluster.Create(RunningCluster.Files, cluster: $"nodes: 3, store: {{ etcd: [\"{clients}\"] }}"))
            {
                await cluster.UpAsync();
                await LeaderAsync(cluster);
                await WorkerAsync(cluster);
            }

            Assert.False(etcd.HasExited);
        }
        finally
        {
            etcd.Kill();
            await etcd.WaitForExitAsync();
            await said;
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task LeaderAsync(RunningCluster cluster)
    {
        var before = await cluster.HealthyAsync();
        var old = before.Leader!;
        await using var load = await cluster.LoadAsync();

        RunningCluster.Signal(RunningCluster.Kill, before.PidOf(old.Node));
        var moment = RunningCluster.Now();

        var elected = await cluster.UntilEventAsync("another leads", moment, e => e.Kind == EventKind.LeaderElected);
        var after = TimeSpan.FromTicks((elected.MonoNs - moment) / 100);
        Assert.True(after <= Ttl + TimeSpan.FromSeconds(1), $"a new leader acted after {after.TotalSeconds:0.0} s");
        var healed = await cluster.UntilAsync("the old leader's node is another process", s => s.State == ClusterState.Healthy && s.Node(old.Node).Pid != before.Node(old.Node).Pid);
        Assert.True(healed.Leader!.Token > old.Token, $"token {old.Token}, then {healed.Leader.Token}");
        Assert.Equal(before.Processes(), healed.Processes());
        (await load.EndAsync()).RequireNoFailure();
    }

    private static async Task WorkerAsync(RunningCluster cluster)
    {
        var before = await cluster.HealthyAsync();
        var worker = before.Instance("files/1").Node == before.Leader!.Node ? before.Follower() : before.Instance("files/1").Node!;
        await using var load = await cluster.LoadAsync();

        await cluster.DoAsync("kill", worker);

        var after = await cluster.UntilAsync($"{worker} is another process", s => s.State == ClusterState.Healthy && s.Node(worker).Pid != before.Node(worker).Pid);
        Assert.Equal(before.Processes(), after.Processes());
        (await load.EndAsync()).RequireNoFailure();
    }

    private static string Url() => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{LoopbackPorts.Free()}");
}

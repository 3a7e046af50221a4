using System.Net;
using System.Text.Json.Nodes;

namespace Conclave.Deploy.Tests;

/// <summary>The overlays' commands, arguments and environment as plain processes: three members and five instances, killed in turn.</summary>
[Collection(WithImage.Name)]
public sealed class ElectionTests(Image image)
{
    [ToolFact(Needs.Kubectl | Needs.Etcd)]
    public Task On_etcd_one_of_five_leads_and_when_it_is_killed_another_does() => OneLeadsAsync("etcd");

    [ToolFact(Needs.Kubectl)]
    public Task On_conclave_serve_one_of_five_leads_and_when_it_is_killed_another_does() => OneLeadsAsync("conclave");

    [ToolFact(Needs.Kubectl)]
    public async Task A_member_without_a_quorum_is_not_ready_but_is_not_restarted_either()
    {
        await using var cluster = await MembersAsync("conclave");
        var store = cluster.Manifests.The("StatefulSet", "store");
        cluster.Running.Pods["store-0"].Kill();
        cluster.Running.Pods["store-1"].Kill();

        await Turns.UntilAsync("store-2 is not ready", async () => await cluster.Running.ProbeAsync(store, "store-2", "readinessProbe") is HttpStatusCode.ServiceUnavailable);
        Assert.Equal(HttpStatusCode.OK, await cluster.Running.ProbeAsync(store, "store-2", "livenessProbe"));
    }

    [ToolFact(Needs.Kubectl)]
    public async Task Without_insecure_a_member_refuses_to_listen_for_the_cluster()
    {
        var store = (await Manifests.RenderAsync("overlays/conclave")).The("StatefulSet", "store");
        var container = store.At("spec/template/spec/containers/0")!;
        var described = ContainerWords.Environment(container, "store-0", "conclave-demo");
        var words = container.List("command").Concat(container.List("args")).Select(word => ContainerWords.Fill(word.ToString(), described)).ToList();
        Assert.True(words.Remove("--insecure"));

        var ended = await Command.RunAsync(await image.ProgramAsync(words[0]), words[1..], folder: Path.GetTempPath());
        Assert.Equal(2, ended.ExitCode);
        Assert.Contains("can be reached from other machines without TLS", ended.Errors, StringComparison.Ordinal);
    }

    private async Task OneLeadsAsync(string overlay)
    {
        await using var cluster = await MembersAsync(overlay);
        var (running, store, demo) = (cluster.Running, cluster.Manifests.The("StatefulSet", "store"), cluster.Manifests.The("Deployment", "leader-demo"));

        string[] names = [.. LoopbackCluster.NamesOf(demo)];
        Assert.Equal(5, names.Length);
        foreach (var name in names)
            await running.StartAsync(demo, name);
        var first = await Turns.LeaderAsync(running, names, after: 0);

        running.Pods[first.Pod].Kill();
        string[] left = [.. names.Where(name => name != first.Pod)];
        var second = await Turns.LeaderAsync(running, left, first.Token);
        Assert.NotEqual(first.Pod, second.Pod);

        // The Deployment puts another in its place, which sees who leads.
        await running.StartAsync(demo, "leader-demo-5");
        string[] five = [.. left, "leader-demo-5"];
        await Turns.UntilAsync("the new one sees a leader", () => Task.FromResult(Turns.LastSeen(running.Pods["leader-demo-5"]) is not null));

        // A member dies: two are a quorum, and the work goes on.
        running.Pods["store-0"].Kill();
        var worked = Turns.Works(running).Count;
        await Turns.UntilAsync("the work goes on without store-0", () => Task.FromResult(Turns.Works(running).Count > worked + 1));

        // Its pod comes back under the same name and disk.
        await running.StartAsync(store, "store-0");
        await ReadyAsync(running, store, "store-0");
        await Turns.LeaderAsync(running, five, first.Token);

        Turns.AssertOneAtATime(Turns.Works(running));
    }

    private async Task<Members> MembersAsync(string overlay)
    {
        var manifests = await Manifests.RenderAsync($"overlays/{overlay}");
        var running = new LoopbackCluster(manifests, image);
        try
        {
            var store = manifests.The("StatefulSet", "store");
            foreach (var name in LoopbackCluster.NamesOf(store))
                await running.StartAsync(store, name);
            foreach (var name in LoopbackCluster.NamesOf(store))
                await ReadyAsync(running, store, name);
            return new Members(manifests, running);
        }
        catch
        {
            await running.DisposeAsync();
            throw;
        }
    }

    private static async Task ReadyAsync(LoopbackCluster running, JsonObject store, string pod)
    {
        foreach (var probe in new[] { "startupProbe", "livenessProbe", "readinessProbe" })
            await Turns.UntilAsync($"{pod} passes its {probe}", async () => await running.ProbeAsync(store, pod, probe) is HttpStatusCode.OK, running.Pods[pod]);
    }

    private sealed record Members(Manifests Manifests, LoopbackCluster Running) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Running.DisposeAsync();
    }
}

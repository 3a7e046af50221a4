using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Conclave.Deploy.Tests;

/// <summary>The overlays' commands, arguments and environment as plain processes: three members and five instances, killed in turn.</summary>
[Collection(WithImage.Name)]
public sealed partial class ElectionTests(Image image)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(90);

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

        await UntilAsync("store-2 is not ready", async () => await cluster.Running.ProbeAsync(store, "store-2", "readinessProbe") is HttpStatusCode.ServiceUnavailable);
        Assert.Equal(HttpStatusCode.OK, await cluster.Running.ProbeAsync(store, "store-2", "livenessProbe"));
    }

    private async Task OneLeadsAsync(string overlay)
    {
        await using var cluster = await MembersAsync(overlay);
        var (running, store, demo) = (cluster.Running, cluster.Manifests.The("StatefulSet", "store"), cluster.Manifests.The("Deployment", "leader-demo"));

        string[] names = [.. LoopbackCluster.NamesOf(demo)];
        Assert.Equal(5, names.Length);
        foreach (var name in names)
            await running.StartAsync(demo, name);
        var first = await LeaderAsync(running, names, after: 0);

        running.Pods[first.Pod].Kill();
        string[] left = [.. names.Where(name => name != first.Pod)];
        var second = await LeaderAsync(running, left, first.Token);
        Assert.NotEqual(first.Pod, second.Pod);

        // The Deployment puts another in its place, which sees who leads.
        await running.StartAsync(demo, "leader-demo-5");
        string[] five = [.. left, "leader-demo-5"];
        await UntilAsync("the new one sees a leader", () => Task.FromResult(LastSeen(running.Pods["leader-demo-5"]) is not null));

        // A member dies: two are a quorum, and the work goes on.
        running.Pods["store-0"].Kill();
        var worked = Works(running).Count;
        await UntilAsync("the work goes on without store-0", () => Task.FromResult(Works(running).Count > worked + 1));

        // Its pod comes back under the same name and disk.
        await running.StartAsync(store, "store-0");
        await ReadyAsync(running, store, "store-0");
        await LeaderAsync(running, five, first.Token);

        AssertOneAtATime(Works(running));
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
            await UntilAsync($"{pod} passes its {probe}", async () => await running.ProbeAsync(store, pod, probe) is HttpStatusCode.OK, running.Pods[pod]);
    }

    /// <summary>The one that all of them see to lead and that works, under a later token than <paramref name="after"/>.</summary>
    private static async Task<(string Pod, long Token)> LeaderAsync(LoopbackCluster running, string[] among, long after)
    {
        (string Pod, long Token)? leader = null;
        await UntilAsync($"one of {string.Join(", ", among)} leads after token {after}", () =>
        {
            var seen = among.Select(name => LastSeen(running.Pods[name])).Distinct().ToList();
            leader = seen.Count == 1 ? seen[0] : null;
            return Task.FromResult(leader is { } one && one.Token > after && Works(running).Any(work => (work.Pod, work.Token) == one));
        }, running.Pods[among[0]]);
        return leader!.Value;
    }

    private static (string Pod, long Token)? LastSeen(Pod pod) => pod.Lines.Select(line => Seen().Match(line)).LastOrDefault(match => match.Success) is { } last
        ? (last.Groups["leader"].Value, long.Parse(last.Groups["token"].Value, CultureInfo.InvariantCulture))
        : null;

    private static List<(string Pod, long Token, TimeSpan At)> Works(LoopbackCluster running) =>
    [
        .. from pod in running.Pods.Values
           from line in pod.Lines
           let match = Work().Match(line)
           where match.Success
           select (match.Groups["pod"].Value, long.Parse(match.Groups["token"].Value, CultureInfo.InvariantCulture), TimeSpan.Parse(match.Groups["at"].Value, CultureInfo.InvariantCulture)),
    ];

    /// <summary>Each token has one holder, and nobody works after someone with a later token has begun to. (All on one machine, so the printed times can be compared; a run over midnight is not.)</summary>
    private static void AssertOneAtATime(List<(string Pod, long Token, TimeSpan At)> works)
    {
        var terms = works.GroupBy(work => work.Token).OrderBy(term => term.Key).ToList();
        Assert.True(terms.Count >= 2, "there was no second leader");
        Assert.All(terms, term => Assert.Single(term.Select(work => work.Pod).Distinct()));
        if (works.Max(work => work.At) - works.Min(work => work.At) > TimeSpan.FromHours(12))
            return;
        Assert.All(terms.Zip(terms.Skip(1)), pair => Assert.True(pair.First.Max(work => work.At) <= pair.Second.Min(work => work.At), $"{pair.First.Key} and {pair.Second.Key} worked at the same time"));
    }

    private static async Task UntilAsync(string condition, Func<Task<bool>> holds, Pod? about = null)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, $"In vain awaited: {condition}. {about?.Name} said:\n{string.Join('\n', about?.Lines.TakeLast(20) ?? [])}");
            await Task.Delay(50);
        }
    }

    [GeneratedRegex(@"^(?<at>[\d:.]+) (?<pod>\S+) works with token (?<token>\d+)$")]
    private static partial Regex Work();

    [GeneratedRegex(@" sees that (?<leader>\S+) leads with token (?<token>\d+)$")]
    private static partial Regex Seen();

    private sealed record Members(Manifests Manifests, LoopbackCluster Running) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => Running.DisposeAsync();
    }
}

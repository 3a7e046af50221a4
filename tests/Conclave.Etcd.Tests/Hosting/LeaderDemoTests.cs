using Conclave.Contract;
using static Conclave.Contract.Awaited;

namespace Conclave.Etcd.Tests.Hosting;

/// <summary>The sample as its users run it, five processes, against a real etcd and our own server; its times shortened.</summary>
public abstract class LeaderDemoTests : IAsyncLifetime
{
    private readonly ElectionServer _server;
    private readonly Dictionary<string, RunningProcess> _pods = new(StringComparer.Ordinal);

    private protected LeaderDemoTests(ElectionServer server) => _server = server;

    public Task InitializeAsync() => _server.StartAsync();

    public async Task DisposeAsync()
    {
        foreach (var pod in _pods.Values)
            pod.Dispose();
        await _server.DisposeAsync();
    }

    [ContractFact]
    public async Task With_five_then_two_then_five_instances_one_works_at_a_time_and_each_gets_its_turn()
    {
        foreach (var pod in new[] { "pod-1", "pod-2", "pod-3", "pod-4", "pod-5" })
            Start(pod);
        await WorkedAsync(_pods.Keys);

        foreach (var pod in new[] { "pod-1", "pod-2", "pod-3" })
            await TerminateAsync(pod);
        var before = Turns().Count;
        await UntilAsync("both take turns", () => Turns().Skip(before).Select(turn => turn.Pod).Distinct().Count() == 2);

        foreach (var pod in new[] { "pod-6", "pod-7", "pod-8" })
            Start(pod);
        await WorkedAsync(_pods.Keys);

        var observed = _pods.Where(pod => !pod.Value.HasExited).Select(pod => Seen(pod.Value)).ToList();
        var turns = Turns();

        // Each token has one holder, and whoever observes sees tokens grow and names as leader who holds the token. (Somebody may be seen to lead who was terminated before it could work.)
        var holders = turns.ToDictionary(turn => turn.Token, turn => turn.Pod);
        Assert.All(observed, seen =>
        {
            Assert.Equal(seen.OrderBy(leader => leader.Token), seen);
            Assert.All(seen.Where(leader => holders.ContainsKey(leader.Token)), leader => Assert.Equal(holders[leader.Token], leader.Pod));
            Assert.True(seen.Count > 3, "an observer saw next to nothing");
        });
    }

    private void Start(string pod) => _pods.Add(pod, new RunningProcess(
        "/usr/bin/env",
        [$"POD_NAME={pod}", $"ETCD_ENDPOINT={_server.Endpoint}", "WORK_EVERY_SECONDS=0.1", "LEAD_FOR_SECONDS=0.3", Environment.ProcessPath!, Sample()],
        _server.Folder));

    private async Task TerminateAsync(string pod)
    {
        _pods[pod].Signal(Signal.Terminate);
        await _pods[pod].ExitAsync();
        Assert.Equal(0, _pods[pod].ExitCode);
    }

    private Task WorkedAsync(IEnumerable<string> pods) =>
        UntilAsync("each works", () => pods.All(pod => _pods[pod].HasExited || Turns().Any(turn => turn.Pod == pod)));

    private List<(string Pod, long Token)> Turns() => [.. Said(" works with token ").Distinct()];

    private static List<(string Pod, long Token)> Seen(RunningProcess pod) =>
        [.. pod.Output.Split('\n').Where(line => line.Contains(" leads with token ", StringComparison.Ordinal)).Select(line => line.Split(' ')).Select(words => (words[4], long.Parse(words[^1], System.Globalization.CultureInfo.InvariantCulture)))];

    private IEnumerable<(string Pod, long Token)> Said(string what) =>
        from pod in _pods
        from line in pod.Value.Output.Split('\n')
        where line.Contains(what, StringComparison.Ordinal)
        select (pod.Key, long.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));

    private static string Sample()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory); // bin/Conclave.Etcd.Tests/debug/
        return Path.Combine(own.Parent!.Parent!.FullName, "Conclave.Samples.LeaderDemo", own.Name, "Conclave.Samples.LeaderDemo.dll");
    }
}

[Needs("/usr/bin/etcd", "etcd-server")]
[Needs("/usr/bin/etcdctl", "etcd-client")]
public sealed class DebianEtcdLeaderDemoTests() : LeaderDemoTests(new DebianEtcd());

[Needs("/usr/bin/etcdctl", "etcd-client")]
public sealed class OwnServerLeaderDemoTests() : LeaderDemoTests(new OwnServer());

using System.Text.RegularExpressions;
using Conclave.Contract;
using static Conclave.Contract.Awaited;
using static Conclave.Kubernetes.Tests.ElectionBench;

namespace Conclave.Kubernetes.Tests;

/// <summary>
/// The leader election of Debian's python3-kubernetes and ours at one Lease: who leads keeps a file that must not exist before. So our own server is not judged by our own client alone, nor the
/// other way round.
/// </summary>
public sealed partial class PythonTests(KubernetesServer server) : IClassFixture<KubernetesServer>, IAsyncLifetime
{
    // What the script asks for. It judges others by it too, whatever they say themselves, so who leads beside it has to renew as often.
    private static readonly TimeSpan PythonsTtl = TimeSpan.FromSeconds(8);

    private readonly ElectionBench _bench = new(server, $"shared/e{Guid.NewGuid():n}");

    private string LeadersFile => Path.Combine(server.Folder, _bench.Lease);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _bench.DisposeAsync();

    [PythonFact]
    public async Task Python_reads_our_Lease_with_the_right_fields()
    {
        await using var leadership = await ElectedAsync(_bench.NewElection("pod-1"));
        var read = await RunningProcess.OutputOfAsync(PythonFactAttribute.Program, ["-c",
            $"""
            from kubernetes import client
            client.Configuration.set_default(client.Configuration(host="{server.Address}", api_key={"{"}"authorization": "Bearer {KubernetesServer.Token}"{"}"}))
            client.Configuration._default.ssl_ca_cert = "{server.AuthorityFile}"
            lease = client.CoordinationV1Api().list_namespaced_lease("{KubernetesServer.Namespace}", field_selector="metadata.name={_bench.Lease}").items[0]
            print(lease.spec.holder_identity, lease.spec.lease_duration_seconds, lease.spec.lease_transitions, lease.spec.renew_time.tzinfo is not None, lease.metadata.annotations["election.conclave/token"])
            """], server.Folder);
        Assert.Matches(Fields(), read);
        Assert.EndsWith($" 20 1 True {leadership.FencingToken}", read.Trim(), StringComparison.Ordinal);
    }

    [PythonFact]
    public async Task Python_waits_for_ours_and_takes_over_what_we_resign()
    {
        var ours = await ElectedAsync(_bench.NewElection("ours", PythonsTtl));
        using var python = NewContender("python");
        await python.LineAsync("campaigning");
        await Task.Delay(PythonsTtl * 1.5); // renewed by us all the while
        Assert.DoesNotContain("elected", python.Output, StringComparison.Ordinal);
        Assert.True(ours.IsHeld);

        await ours.DisposeAsync();
        await python.LineAsync("elected");
        Assert.Equal(new Leader("python", FencingToken.None), await _bench.NewElection("asks").GetLeaderAsync(default));
    }

    [PythonFact]
    public async Task A_killed_python_is_followed_by_ours_when_its_time_is_over_with_a_token_above_all_before()
    {
        var first = await ElectedAsync(_bench.NewElection("first"));
        await first.DisposeAsync();
        using var python = NewContender("python");
        await python.LineAsync("elected");
        var waiting = _bench.NewElection("ours").CampaignAsync(default);
        await Task.Delay(PythonsTtl); // which it outlives by renewing
        Assert.False(waiting.IsCompleted);

        python.Signal(Signal.Kill);
        await using var ours = await waiting.WaitAsync(Deadline);
        Assert.True(ours.FencingToken > first.FencingToken);
        File.Delete(LeadersFile);
    }

    [PythonFact]
    public async Task A_stopped_python_is_followed_by_ours_and_gives_way_when_it_wakes_up()
    {
        using var python = NewContender("python");
        await python.LineAsync("elected");
        var waiting = _bench.NewElection("ours").CampaignAsync(default);
        python.Signal(Signal.Stop);
        await using var ours = await waiting.WaitAsync(Deadline);
        python.Signal(Signal.Continue);
        await python.LineAsync("stopped leading");
        Assert.True(ours.IsHeld);
        await _bench.UntilHeldByAsync("ours");
    }

    [PythonFact]
    public async Task A_killed_process_of_ours_is_followed_by_python()
    {
        using var child = _bench.NewChild(Short);
        await child.LineAsync("elected");
        using var python = NewContender("python");
        await python.LineAsync("campaigning");
        child.Signal(Signal.Kill);
        await python.LineAsync("elected");
    }

    [PythonFact]
    public async Task A_stopped_process_of_ours_is_followed_by_python_and_has_lost_when_it_wakes_up()
    {
        using var child = _bench.NewChild(Short);
        await child.LineAsync("elected");
        using var python = NewContender("python");
        child.Signal(Signal.Stop);
        await python.LineAsync("elected");
        child.Signal(Signal.Continue);
        Assert.Matches("lost (LeaseEnded|Removed)", await child.LineAsync("lost"));
        await _bench.UntilHeldByAsync("python");
        Assert.DoesNotContain("stopped leading", python.Output, StringComparison.Ordinal);
    }

    [PythonFact]
    public async Task Three_pythons_and_two_of_ours_take_turns_and_never_lead_together()
    {
        RunningProcess[] pythons = [.. Enumerable.Range(0, 3).Select(number => NewContender($"python-{number}", turns: 1))];
        try
        {
            var tokens = new List<FencingToken>();
            await Task.WhenAll(Enumerable.Range(0, 2).Select(async number =>
            {
                var candidate = _bench.NewElection($"ours-{number}", PythonsTtl);
                for (var turn = 0; turn < 10; turn++)
                {
                    await using (var leadership = await ElectedAsync(candidate))
                    {
                        await using (new FileStream(LeadersFile, FileMode.CreateNew))
                            tokens.Add(leadership.FencingToken);
                        File.Delete(LeadersFile);
                    }

                    await Task.Delay(Random.Shared.Next(1000)); // pythons look once a second
                }
            }));

            Assert.Equal(20, tokens.Count);
            Assert.Equal(tokens.Order().Distinct(), tokens);
            foreach (var python in pythons)
            {
                await python.LineAsync("released");
                Assert.DoesNotContain("OVERLAP", python.Output, StringComparison.Ordinal);
            }
        }
        finally
        {
            foreach (var python in pythons)
                python.Dispose();
        }
    }

    [GeneratedRegex("^pod-1_[0-9a-f]{32} ")]
    private static partial Regex Fields();

    private RunningProcess NewContender(string identity, int turns = 0) => new(PythonFactAttribute.Program,
    [
        Path.Combine(AppContext.BaseDirectory, "contender.py"), server.Address, server.AuthorityFile, KubernetesServer.Token, KubernetesServer.Namespace,
        _bench.Lease, identity, LeadersFile, $"{turns}",
    ], server.Folder);
}

/// <summary>Skips where there is no Kubernetes client for Python.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PythonFactAttribute : FactAttribute
{
    public const string Program = "/usr/bin/python3";

    public PythonFactAttribute() => Skip = Directory.Exists("/usr/lib/python3/dist-packages/kubernetes/leaderelection")
        ? null
        : "the Kubernetes client for Python is not installed (apt-get install python3-kubernetes)";
}

using Conclave.Contract;
using Conclave.Wire.Etcd;
using static Conclave.Contract.Awaited;

namespace Conclave.Etcd.Tests.Interop;

/// <summary>
/// Go's own recipe (<c>clientv3/concurrency</c>), <c>etcdctl elect</c> and ours in one election, at either server. Who leads keeps a file that must not exist before.
/// </summary>
public abstract class InteropTests : IAsyncLifetime
{
    private const string Election = "shared/election";

    // Long enough that a busy machine costs nobody a lease by accident; tests that wait for an end take the short one.
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Short = TimeSpan.FromSeconds(2);

    private readonly ElectionServer _server;
    private readonly List<IAsyncDisposable> _owned = [];

    private protected InteropTests(ElectionServer server) => _server = server;

    private string LeadersFile => Path.Combine(_server.Folder, "leads");

    public Task InitializeAsync() => _server.StartAsync();

    public async Task DisposeAsync()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
            await owned.DisposeAsync();
        await _server.DisposeAsync();
    }

    [ContractFact]
    public async Task Ours_then_Go_then_etcdctl_then_ours_each_when_the_one_before_resigns()
    {
        var ours = await ElectedAsync(NewCandidate("ours"));
        using var go = await NewGoAsync(Long);
        await UntilStandAsync(2);
        using var etcdctl = NewEtcdctl();
        await UntilStandAsync(3);
        var candidate = NewCandidate("ours again");
        var waiting = candidate.CampaignAsync(default);
        await UntilStandAsync(4);
        Assert.DoesNotContain("elected", go.Output, StringComparison.Ordinal);
        Assert.Equal("ours", (await candidate.GetLeaderAsync(default))!.Value);

        await ours.DisposeAsync();
        await go.LineAsync("elected");
        Assert.Equal("go", (await candidate.GetLeaderAsync(default))!.Value);
        Assert.Equal("", etcdctl.Output);

        go.Signal(Signal.Interrupt);
        await go.LineAsync("resigned");
        await etcdctl.LineAsync("etcdctl");
        Assert.Equal("etcdctl", (await candidate.GetLeaderAsync(default))!.Value);
        Assert.False(waiting.IsCompleted);

        etcdctl.Signal(Signal.Interrupt); // it resigns
        await using var again = await waiting.WaitAsync(Deadline);
        Assert.True(again.FencingToken > ours.FencingToken);
    }

    [ContractFact]
    public async Task Gos_token_and_ours_are_of_one_order()
    {
        var first = await ElectedAsync(NewCandidate("ours"));
        await first.DisposeAsync();
        using var go = await NewGoAsync(Long);
        var token = (await go.LineAsync("elected")).Split(' ')[1];
        Assert.Equal(token, (await NewCandidate("observer").GetLeaderAsync(default))!.FencingToken.ToString());
        Assert.True(long.Parse(token, System.Globalization.CultureInfo.InvariantCulture) > first.FencingToken.Value);
    }

    [ContractFact]
    public async Task A_killed_Go_is_followed_by_ours_when_its_lease_ends()
    {
        using var go = await NewGoAsync(Short);
        await go.LineAsync("elected");
        var waiting = NewCandidate("ours").CampaignAsync(default);
        await UntilStandAsync(2);
        go.Signal(Signal.Kill);
        await using var ours = await waiting.WaitAsync(Deadline);
    }

    [ContractFact]
    public async Task A_stopped_Go_is_followed_by_ours_and_learns_so_when_it_wakes_up()
    {
        using var go = await NewGoAsync(Short);
        await go.LineAsync("elected");
        var waiting = NewCandidate("ours").CampaignAsync(default);
        await UntilStandAsync(2);
        go.Signal(Signal.Stop);
        await using var ours = await waiting.WaitAsync(Deadline);
        go.Signal(Signal.Continue);
        await go.LineAsync("session over");
        Assert.True(ours.IsHeld);
    }

    [ContractFact]
    public async Task A_killed_process_of_ours_is_followed_by_Go_and_then_by_etcdctl()
    {
        using var child = new RunningProcess(
            Environment.ProcessPath!, [typeof(Candidate).Assembly.Location, _server.Endpoint, Election, Path.Combine(_server.Folder, "token"), $"{Short.TotalSeconds}"], _server.Folder);
        await child.LineAsync("elected");
        using var go = await NewGoAsync(Short);
        await UntilStandAsync(2);
        using var etcdctl = NewEtcdctl();
        await UntilStandAsync(3);
        child.Signal(Signal.Kill);
        await go.LineAsync("elected");
        Assert.Equal("", etcdctl.Output);
        go.Signal(Signal.Kill);
        await etcdctl.LineAsync("etcdctl"); // its own lease is of 60 s, so it is not killed here
    }

    [ContractFact]
    public async Task Ours_cut_off_by_the_network_has_lost_before_Go_leads()
    {
        await using var network = new Relay(_server.Socket);
        var ours = await ElectedAsync(NewCandidate("ours", $"http://{network.Address}", Short));
        using var go = await NewGoAsync(Long);
        await UntilStandAsync(2);
        network.Close();
        await go.LineAsync("elected");
        Assert.False(ours.IsHeld);
        Assert.Equal(LossReason.LeaseEnded, ours.LossReason);
        await ours.DisposeAsync();
    }

    [ContractFact]
    public async Task Two_of_Go_and_two_of_ours_take_turns_and_never_lead_together()
    {
        const int Turns = 10;
        await using var observer = new Observer(NewCandidate("observer"));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        using var one = await NewGoAsync(Long, Turns);
        using var two = await NewGoAsync(Long, Turns);
        var tokens = new List<FencingToken>();
        await Task.WhenAll(Enumerable.Range(0, 2).Select(async number =>
        {
            var candidate = NewCandidate($"ours-{number}");
            for (var turn = 0; turn < Turns; turn++)
            {
                await using var leadership = await ElectedAsync(candidate);
                await using (new FileStream(LeadersFile, FileMode.CreateNew))
                    tokens.Add(leadership.FencingToken);
                File.Delete(LeadersFile);
            }
        }));

        Assert.Equal(tokens.Order().Distinct(), tokens);
        foreach (var go in new[] { one, two })
        {
            await go.LineAsync("done");
            Assert.DoesNotContain("OVERLAP", go.Output, StringComparison.Ordinal);
        }

        await observer.UntilAsync("every leader is seen", seen => seen[^1] is null && seen.OfType<Leader>().Count() == 4 * Turns);
        var seen = observer.Seen.OfType<Leader>().Select(leader => leader.FencingToken).ToList();
        Assert.Equal(seen.Order().Distinct(), seen);
    }

    private EtcdElection NewCandidate(string value, string? endpoint = null, TimeSpan? ttl = null)
    {
        var client = Own(new EtcdClient(new EtcdClientOptions { Endpoints = [endpoint ?? _server.Endpoint], RequestTimeout = TimeSpan.FromSeconds(2) }));
        var session = Own(new EtcdSession(client, new EtcdSessionOptions { Lease = new LeaseOptions { Ttl = ttl ?? Long, StopMargin = TimeSpan.FromMilliseconds(300) }, WithdrawTimeout = TimeSpan.FromSeconds(1) }));
        return Own(new EtcdElection(session, Election, new EtcdElectionOptions { Value = value }));
    }

    private Task<RunningProcess> NewGoAsync(TimeSpan ttl, int turns = 0) =>
        GoContender.StartAsync(ElectionServer.EndpointInFolder, Election, "go", ttl, LeadersFile, turns, _server.Folder);

    private RunningProcess NewEtcdctl() =>
        new("etcdctl", ["--endpoints", ElectionServer.EndpointInFolder, "elect", Election, "etcdctl"], _server.Folder);

    private Task UntilStandAsync(int count) => UntilAsync($"{count} stand", async () =>
    {
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [_server.Endpoint] });
        return (await client.RangeAsync(new ElectionKeys(Election).All())).Count == count;
    });

    private T Own<T>(T owned)
        where T : IAsyncDisposable
    {
        _owned.Add(owned);
        return owned;
    }
}

[Needs("/usr/bin/etcd", "etcd-server")]
[Needs("/usr/bin/etcdctl", "etcd-client")]
[Needs(GoContender.Compiler, "golang-go")]
[Needs(GoContender.Recipe, "golang-etcd-server-dev")]
public sealed class DebianEtcdInteropTests() : InteropTests(new DebianEtcd());

[Needs("/usr/bin/etcdctl", "etcd-client")]
[Needs(GoContender.Compiler, "golang-go")]
[Needs(GoContender.Recipe, "golang-etcd-server-dev")]
public sealed class OwnServerInteropTests() : InteropTests(new OwnServer());

using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary><c>lead</c>, <c>lock</c> and <c>election</c> with <c>--backend zookeeper</c>, against Debian's ZooKeeper.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class LeadOnZooKeeperTests : IAsyncLifetime
{
    private const int ShortTtl = 4;
    private const int LongTtl = 3600;

    private readonly LedPrograms _programs = new();
    private string _endpoint = "";

    public async Task InitializeAsync()
    {
        if (ElectionServers.ZooKeeperMissing is null)
            _endpoint = await ElectionServers.ZooKeeperAsync(_programs);
    }

    public Task DisposeAsync() => _programs.EndAsync();

    [ZooKeeperTheory]
    [InlineData(LeadTests.Fault.KillProgram, LongTtl)]
    [InlineData(LeadTests.Fault.KillElector, ShortTtl)]
    [InlineData(LeadTests.Fault.StopElector, ShortTtl)]
    [InlineData(LeadTests.Fault.KillGuard, LongTtl)]
    [InlineData(LeadTests.Fault.StopGuard, LongTtl)]
    public async Task Another_takes_over_and_two_never_work_at_once(LeadTests.Fault fault, int ttl)
    {
        Lead(ttl);
        Lead(ttl);
        var first = await _programs.StartAsync(1);
        var guard = LedPrograms.ParentOf(first.Pid);
        var elector = LedPrograms.ParentOf(guard);

        var (signal, pid) = fault switch
        {
            LeadTests.Fault.KillProgram => (RunningCluster.Kill, first.Pid),
            LeadTests.Fault.KillElector => (RunningCluster.Kill, elector),
            LeadTests.Fault.StopElector => (RunningCluster.Stop, elector),
            LeadTests.Fault.KillGuard => (RunningCluster.Kill, guard),
            _ => (RunningCluster.Stop, guard),
        };
        RunningCluster.Signal(signal, pid);

        var second = await _programs.StartAsync(2);
        Assert.True(second.Token > first.Token);
        Assert.False(LedPrograms.IsAlive(first.Pid));
        Assert.NotEqual(elector, LedPrograms.ElectorOf(second.Pid));
        Assert.False(_programs.TwoWorkedAtOnce, "two programs worked at once");
    }

    [ZooKeeperFact]
    public async Task Elections_are_listed_shown_and_observed_and_a_leader_is_asked_to_go()
    {
        Lead(LongTtl, "one");
        var first = await _programs.StartAsync(1);
        Lead(LongTtl, "two");
        JsonNode? shown = null;
        await Waiting.UntilAsync("the second waits", async () => (shown = await JsonAsync("show", "billing/dialer"))["waiting"]!.AsArray().Count == 1, () => $"{shown}");
        Assert.Equal(("one", first.Token), (shown!["leader"]!["value"]!.GetValue<string>(), shown["leader"]!["token"]!.GetValue<long>()));
        Assert.Equal("two", shown["waiting"]![0]!["value"]!.GetValue<string>());

        var found = Assert.Single((await JsonAsync("list"))["elections"]!.AsArray())!;
        Assert.Equal(("billing/dialer", 2), (found["name"]!.GetValue<string>(), found["candidates"]!.GetValue<int>()));
        Assert.Empty((await JsonAsync("list", "--prefix", "billing/x"))["elections"]!.AsArray());

        using var observing = await ObservingProgram.StartAsync(_programs.Directory, ["billing/dialer", "--count", "1", .. Where]);
        await JsonAsync("resign", "billing/dialer", "--token", first.Token.ToString(CultureInfo.InvariantCulture));
        var second = await _programs.StartAsync(2);
        Assert.True(second.Token > first.Token);
        Assert.False(_programs.TwoWorkedAtOnce, "two programs worked at once");

        var told = await observing.EndAsync();
        Assert.Equal([("one", first.Token, false), ("two", second.Token, false)], told.Select(line => (line["leader"]!["value"]!.GetValue<string>(), line["leader"]!["token"]!.GetValue<long>(), line["gap"]!.GetValue<bool>())));

        var none = await _programs.RunAsync(["election", "show", "nobody/here", .. Where]);
        Assert.True(none.Code == 1 && none.Complaints.Count == 1, none.ToString());
        var bad = await _programs.RunAsync(["election", "show", "/billing/", .. Where]);
        Assert.True(bad.Code == 2 && bad.Complaints.Count == 1, bad.ToString());
    }

    [ZooKeeperFact]
    public async Task Lock_is_held_by_one_and_its_exit_code_is_passed_on()
    {
        var holder = _programs.Conclave(["lock", "report", "--ttl", "3600", .. Where, "--", "python3", LedPrograms.Program]);
        await _programs.StartAsync(1);
        Assert.Equal(124, (await _programs.RunAsync(["lock", "report", "--no-wait", .. Where, "--", "true"])).Code);
        RunningCluster.Signal(RunningCluster.Terminate, holder.Id);
        await holder.WaitForExitAsync();
        Assert.Equal(128 + RunningCluster.Terminate, holder.ExitCode);
        Assert.Equal(7, (await _programs.RunAsync(["lock", "report", "--wait", "30", .. Where, "--", "sh", "-c", "exit 7"])).Code);
    }

    [ZooKeeperFact]
    public async Task What_cannot_be_an_address_or_does_not_answer_is_one_line()
    {
        var bad = await _programs.RunAsync("lead", "billing/dialer", "--backend", "zookeeper", "--endpoints", "http://127.0.0.1:2181", "--", "true");
        Assert.True(bad.Code == 2 && bad.Complaints is [var why] && why.Contains("--endpoints", StringComparison.Ordinal), bad.ToString());
        var silent = await _programs.RunAsync(
            "lead", "billing/dialer", "--backend", "zookeeper", "--endpoints", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{LoopbackPorts.Free()}"), "--", "true");
        Assert.True(silent.Code == 125 && silent.Complaints is [var because] && because.Contains("--endpoints", StringComparison.Ordinal), silent.ToString());
    }

    private string[] Where => ["--backend", "zookeeper", "--endpoints", _endpoint];

    private Process Lead(int ttl, string value = "candidate") => _programs.Conclave(
        ["lead", "billing/dialer", "--ttl", ttl.ToString(CultureInfo.InvariantCulture), "--grace", "0.3", "--value", value, .. Where, "--", "python3", LedPrograms.Program]);

    private async Task<JsonNode> JsonAsync(params string[] arguments)
    {
        var ended = await _programs.RunAsync(["election", .. arguments, "--json", .. Where]);
        Assert.True(ended.Code == 0, ended.ToString());
        return JsonNode.Parse(ended.Out)!;
    }
}

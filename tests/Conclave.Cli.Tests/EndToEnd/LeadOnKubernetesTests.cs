using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Conclave.Kubernetes.Tests;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary><c>lead</c>, <c>lock</c> and <c>election</c> with <c>--backend kubernetes</c>, against the API server of that backend's tests.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class LeadOnKubernetesTests : IAsyncLifetime
{
    private readonly LedPrograms _programs = new();
    private readonly KubernetesServer _server = new();

    public async Task InitializeAsync()
    {
        _programs.Write("token", KubernetesServer.Token);
        await _server.InitializeAsync();
    }

    public async Task DisposeAsync()
    {
        await _programs.EndAsync();
        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(LeadTests.Fault.KillProgram, 600)]
    [InlineData(LeadTests.Fault.KillElector, 4)]
    [InlineData(LeadTests.Fault.KillGuard, 600)]
    public async Task Another_takes_over_and_two_never_work_at_once(LeadTests.Fault fault, int ttl)
    {
        Lead(ttl);
        Lead(ttl);
        var first = await _programs.StartAsync(1);
        var guard = LedPrograms.ParentOf(first.Pid);
        var elector = LedPrograms.ParentOf(guard);

        RunningCluster.Signal(RunningCluster.Kill, fault switch { LeadTests.Fault.KillProgram => first.Pid, LeadTests.Fault.KillElector => elector, _ => guard });

        var second = await _programs.StartAsync(2);
        Assert.True(second.Token > first.Token);
        Assert.False(LedPrograms.IsAlive(first.Pid));
        Assert.NotEqual(elector, LedPrograms.ElectorOf(second.Pid));
        Assert.False(_programs.TwoWorkedAtOnce, "two programs worked at once");
    }

    [Fact]
    public async Task Elections_are_listed_and_shown_and_a_leader_is_asked_to_go()
    {
        Lead(600, "one");
        var first = await _programs.StartAsync(1);

        var shown = await JsonAsync("show", "billing/dialer");
        Assert.Null(shown["waiting"]); // nobody stands in a line that could be read
        Assert.Equal(("one", first.Token), (shown["leader"]!["value"]!.GetValue<string>(), shown["leader"]!["token"]!.GetValue<long>()));
        Assert.Equal(("billing.dialer", 600), (shown["leader"]!["lease"]!.GetValue<string>(), shown["leader"]!["ttl_seconds"]!.GetValue<double>()));
        Assert.True(shown["leader"]!["since"]!.GetValue<DateTimeOffset>() <= DateTimeOffset.UtcNow);
        Assert.Equal("billing/dialer", Assert.Single((await JsonAsync("list"))["elections"]!.AsArray())!["name"]!.GetValue<string>());
        Assert.Empty((await JsonAsync("list", "--prefix", "x"))["elections"]!.AsArray());
        Assert.Equal(124, (await _programs.RunAsync(["lock", "billing/dialer", "--no-wait", .. Where, "--", "true"])).Code);

        Lead(600, "two");
        var resigned = await JsonAsync("resign", "billing/dialer", "--token", first.Token.ToString(CultureInfo.InvariantCulture));
        Assert.True(resigned["removed"]!.GetValue<bool>());
        var second = await _programs.StartAsync(2);
        Assert.True(second.Token > first.Token);
        Assert.False(_programs.TwoWorkedAtOnce, "two programs worked at once");
    }

    [Fact]
    public async Task Observe_tells_the_vacancy_the_leader_its_removal_and_the_next()
    {
        using var observing = await ObservingProgram.StartAsync(_programs.Directory, ["billing/dialer", "--count", "3", .. Where]);
        Lead(600, "one");
        var first = await _programs.StartAsync(1);
        await JsonAsync("resign", "billing/dialer", "--token", first.Token.ToString(CultureInfo.InvariantCulture));
        var second = await _programs.StartAsync(2); // the same, at the end of a line of one

        var told = await observing.EndAsync();
        Assert.Equal([null, ("one", first.Token), null, ("one", second.Token)], told.Select(Leader));
        Assert.All(told, line => Assert.Equal((1, "billing/dialer", false), (line["v"]!.GetValue<int>(), line["name"]!.GetValue<string>(), line["gap"]!.GetValue<bool>())));
    }

    [Fact]
    public async Task Observe_tells_a_holder_that_is_no_candidate_of_ours()
    {
        await _server.PutAsync("billing.dialer", """{"holderIdentity": "go-7c9_5e", "leaseDurationSeconds": 3600, "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z", "leaseTransitions": 3}""");
        using var observing = await ObservingProgram.StartAsync(_programs.Directory, ["billing/dialer", "--count", "0", .. Where]);
        Assert.Equal([("go-7c9_5e", 0L)], (await observing.EndAsync()).Select(Leader));
    }

    [Theory]
    [InlineData(2, "no pod", "lead", "a", "--backend", "kubernetes", "--", "true")]
    [InlineData(2, "behind the address", "election", "list", "--backend", "kubernetes", "--endpoints", "https://127.0.0.1:1?place=x")]
    [InlineData(2, "one API server", "election", "list", "--backend", "kubernetes", "--endpoints", "https://127.0.0.1:1,https://127.0.0.1:2")]
    public async Task Mistake_is_one_line(int code, string why, params string[] arguments)
    {
        var ended = await _programs.RunAsync(arguments);
        Assert.True(ended.Code == code && ended.Complaints is [var line] && line.Contains(why, StringComparison.Ordinal), ended.ToString());
    }

    [Fact]
    public async Task Name_that_no_lease_can_have_is_one_line()
    {
        var ended = await _programs.RunAsync(["lock", "Not A Name", .. Where, "--", "true"]);
        Assert.True(ended.Code == 2 && ended.Complaints is [var line] && line.Contains("Not A Name", StringComparison.Ordinal), ended.ToString());
    }

    private string[] Where =>
        ["--backend", "kubernetes", "--endpoints", $"{_server.Address}?namespace={KubernetesServer.Namespace}&token_file={Path.Combine(_programs.Directory, "token")}&ca_file={_server.AuthorityFile}"];

    private Process Lead(int ttl, string value = "candidate") => _programs.Conclave(
        ["lead", "billing/dialer", "--ttl", ttl.ToString(CultureInfo.InvariantCulture), "--grace", "0.3", "--value", value, .. Where, "--", "python3", LedPrograms.Program]);

    private async Task<JsonNode> JsonAsync(params string[] arguments)
    {
        var ended = await _programs.RunAsync(["election", .. arguments, "--json", .. Where]);
        Assert.True(ended.Code == 0, ended.ToString());
        return JsonNode.Parse(ended.Out)!;
    }

    private static (string Value, long Token)? Leader(JsonNode line) => line["leader"] is { } leader ? (leader["value"]!.GetValue<string>(), leader["token"]!.GetValue<long>()) : null;
}

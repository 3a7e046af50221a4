using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary><c>conclave election</c> against our own server, with candidates of <c>conclave lead</c> and <c>lock</c>.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class ElectionCommandTests : IAsyncLifetime
{
    private readonly LedPrograms _programs = new();
    private string _endpoint = "";

    public async Task InitializeAsync() => _endpoint = await ElectionServers.ServeAsync(_programs);

    public Task DisposeAsync() => _programs.EndAsync();

    [Fact]
    public async Task List_finds_elections_and_locks_and_nothing_else()
    {
        Assert.Empty((await JsonAsync("list"))["elections"]!.AsArray());
        await PutAsync("billing/dialer/694d8a1f3c2b0a01", "a key of somebody who only looks like a candidate");
        await PutAsync("settings", "no election");
        _programs.Conclave("lock", "report", "--value", "a lock", "--endpoints", _endpoint, "--", "python3", LedPrograms.Program);
        var held = await _programs.StartAsync(1);
        Lead("z/one");
        var led = await _programs.StartAsync(2);
        Lead("z/two");
        await WaitingAsync("z/one", "z/two", 1, election: "z");

        var list = await JsonAsync("list");

        Assert.Equal((1, "etcd"), (list["v"]!.GetValue<int>(), list["backend"]!.GetValue<string>()));
        Assert.Equal(
            [("report", "a lock", held.Token, 1), ("z", "z/one", led.Token, 2)],
            list["elections"]!.AsArray().Select(e => (e!["name"]!.GetValue<string>(), e["leader"]!["value"]!.GetValue<string>(), e["leader"]!["token"]!.GetValue<long>(), e["candidates"]!.GetValue<int>())));
        Assert.Equal("z", Assert.Single((await JsonAsync("list", "--prefix", "z"))["elections"]!.AsArray())!["name"]!.GetValue<string>());
        var text = (await DoAsync("list")).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, text.Length);
        Assert.Equal(["ELECTION", "LEADER", "TOKEN", "CANDIDATES"], text[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task List_of_more_elections_than_fit_on_a_page_is_whole()
    {
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [_endpoint] });
        var lease = (await client.LeaseGrantAsync(new LeaseGrantRequest { TTL = 600 })).ID;
        foreach (var part in Enumerable.Range(0, 1205).Chunk(100))
        {
            var write = new TxnRequest();
            write.Success.AddRange(part.Select(number => new RequestOp
            {
                RequestPut = new PutRequest
                {
                    Key = ByteString.CopyFromUtf8(string.Create(CultureInfo.InvariantCulture, $"many/{number:0000}/{lease:x}")),
                    Value = ByteString.CopyFromUtf8(string.Create(CultureInfo.InvariantCulture, $"leader of {number}")),
                    Lease = lease,
                },
            }));
            await client.TxnAsync(write);
        }

        var elections = (await JsonAsync("list"))["elections"]!.AsArray();

        Assert.Equal(1205, elections.Count);
        Assert.All(elections.Index(), e => Assert.Equal(
            (string.Create(CultureInfo.InvariantCulture, $"many/{e.Index:0000}"), string.Create(CultureInfo.InvariantCulture, $"leader of {e.Index}")),
            (e.Item!["name"]!.GetValue<string>(), e.Item["leader"]!["value"]!.GetValue<string>())));
    }

    [Fact]
    public async Task Show_tells_the_leader_its_lease_and_who_waits_in_order()
    {
        Lead("one");
        var first = await _programs.StartAsync(1);
        foreach (var (name, waiting) in new[] { ("two", 1), ("three", 2) })
        {
            Lead(name);
            await WaitingAsync("one", name, waiting);
        }

        var shown = await JsonAsync("show", "billing/dialer");

        Assert.Equal((1, "etcd", "billing/dialer"), (shown["v"]!.GetValue<int>(), shown["backend"]!.GetValue<string>(), shown["name"]!.GetValue<string>()));
        var leader = shown["leader"]!;
        Assert.Equal(("one", first.Token), (leader["value"]!.GetValue<string>(), leader["token"]!.GetValue<long>()));
        Assert.Equal($"billing/dialer/{leader["lease"]!.GetValue<string>()}", leader["key"]!.GetValue<string>());
        Assert.Equal(3600, leader["ttl_seconds"]!.GetValue<double>());
        Assert.InRange(leader["left_seconds"]!.GetValue<double>(), 2000, 3600);
        Assert.Equal(["two", "three"], shown["waiting"]!.AsArray().Select(w => w!["value"]!.GetValue<string>()));
        var text = (await DoAsync("show", "billing/dialer")).Out;
        Assert.Contains($"billing/dialer: one leads, token {first.Token}", text, StringComparison.Ordinal);
        Assert.True(text.IndexOf("two", StringComparison.Ordinal) < text.IndexOf("three", StringComparison.Ordinal), text);
    }

    [Fact]
    public async Task Observe_tells_every_change_until_it_was_told_often_enough()
    {
        var before = await DoAsync("observe", "billing/dialer", "--count", "0");
        Assert.EndsWith("billing/dialer: nobody leads\n", before.Out, StringComparison.Ordinal);

        using var observing = await ObservingProgram.StartAsync(_programs.Directory, "billing/dialer", "--count", "3", "--endpoints", _endpoint);
        var elector = Lead("one");
        var first = await _programs.StartAsync(1);
        Lead("two");
        await WaitingAsync("one", "two", 1);
        RunningCluster.Signal(RunningCluster.Terminate, elector.Id); // resigns: "two" leads in the same moment
        var second = await _programs.StartAsync(2);
        await DoAsync("resign", "billing/dialer"); // and now nobody

        var lines = await observing.EndAsync();
        Assert.Equal(
            [(null, null), ("one", first.Token), ("two", second.Token), (null, null)],
            lines.Select(line => (line["leader"]?["value"]!.GetValue<string>(), line["leader"]?["token"]!.GetValue<long>())));
        Assert.All(lines, line => Assert.Equal((1, "billing/dialer", false), (line["v"]!.GetValue<int>(), line["name"]!.GetValue<string>(), line["gap"]!.GetValue<bool>())));
    }

    [Fact]
    public async Task Observe_ends_well_with_ctrl_c()
    {
        var speaks = new TaskCompletionSource();
        using var observing = Process.Start(ConclaveProgram.Command(_programs.Directory, "election", "observe", "billing/dialer", "--endpoints", _endpoint))!;
        var reading = ConclaveProgram.ReadAsync(observing.StandardOutput, _ => speaks.TrySetResult());
        await speaks.Task.WaitAsync(Waiting.Deadline);
        RunningCluster.Signal(LedPrograms.Interrupt, observing.Id);
        await observing.WaitForExitAsync().WaitAsync(Waiting.Deadline);
        await reading;
        Assert.Equal(0, observing.ExitCode);
    }

    [Fact]
    public async Task Resign_lets_the_next_lead_at_once_and_the_former_stand_again()
    {
        // It would use up any grace, and there is none to give: the other leads already.
        var elector = Lead("one", LedPrograms.DeafProgram, grace: "4");
        var first = await _programs.StartAsync(1);
        Lead("two");
        await WaitingAsync("one", "two", 1);

        var refused = await ElectionAsync("resign", "billing/dialer", "--token", (first.Token + 1).ToString(CultureInfo.InvariantCulture));
        Assert.True(refused.Code == 1 && refused.Complaints is [var why] && why.Contains($"token {first.Token}", StringComparison.Ordinal), refused.ToString());
        Assert.True(LedPrograms.IsAlive(first.Pid));

        var resigned = await JsonAsync("resign", "billing/dialer", "--token", first.Token.ToString(CultureInfo.InvariantCulture));

        Assert.Equal(("one", first.Token, true), (resigned["leader"]!["value"]!.GetValue<string>(), resigned["leader"]!["token"]!.GetValue<long>(), resigned["removed"]!.GetValue<bool>()));
        var second = await _programs.StartAsync(2); // long before the lease ends
        Assert.NotEqual(elector.Id, LedPrograms.ElectorOf(second.Pid));
        await LedPrograms.DeadAsync(first.Pid);
        Assert.False(_programs.TwoWorkedAtOnce, "two programs worked at once");
        await WaitingAsync("two", "one", 1);
    }

    [Fact]
    public async Task Elector_killed_while_it_ends_what_an_operator_took_the_leadership_from_leaves_nothing_running()
    {
        var elector = Lead("one", LedPrograms.DeafProgram, grace: "4");
        var first = await _programs.StartAsync(1);
        var guard = LedPrograms.ParentOf(first.Pid);

        var resigning = DoAsync("resign", "billing/dialer");
        Assert.True(SpinWait.SpinUntil(() => !LedPrograms.IsAlive(guard), Waiting.Deadline), "the guard runs");
        elector.Kill();

        await LedPrograms.DeadAsync(first.Pid);
        await resigning;
    }

    [Theory]
    [InlineData(1, "nobody stands in 'nobody/here'", "show", "nobody/here")]
    [InlineData(1, "nobody stands in 'nobody/here'", "resign", "nobody/here")]
    [InlineData(2, "a name has 1 to 4096 bytes", "show", "")]
    [InlineData(2, "a name has 1 to 4096 bytes", "observe", " ")]
    [InlineData(2, "--count takes a number from 0", "observe", "billing/dialer", "--count", "-1")]
    [InlineData(2, "'x'", "resign", "billing/dialer", "--token", "x")]
    [InlineData(2, "did you mean 'show'?", "shwo")]
    [InlineData(2, "conclave election show --help", "show")]
    [InlineData(2, "--backend 'paper' is not known; write etcd, which also means 'conclave serve', or zookeeper, or kubernetes", "list", "--backend", "paper")]
    [InlineData(2, "--endpoints", "list", "--endpoints", "ftp://127.0.0.1")]
    [InlineData(2, "--endpoints", "list", "--endpoints", ",")]
    public async Task Mistake_is_one_line(int code, string why, params string[] arguments)
    {
        var ended = await ElectionAsync(arguments);
        Assert.True(ended.Code == code && ended.Complaints is [var line] && line.Contains(why, StringComparison.Ordinal), ended.ToString());
    }

    [Fact]
    public async Task Where_nobody_answers_one_line_says_so()
    {
        foreach (var command in new[] { ["list"], ["show", "billing/dialer"], ["observe", "billing/dialer"], new[] { "resign", "billing/dialer" } })
        {
            var ended = await ElectionAsync([.. command, "--endpoints", string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{LoopbackPorts.Free()}")]);
            Assert.True(ended.Code == 125 && ended.Complaints is [var why] && why.Contains("no endpoint has answered within 10 s", StringComparison.Ordinal), ended.ToString());
        }
    }

    private Process Lead(string name, string program = LedPrograms.Program, string grace = "0.3") => _programs.Conclave(
        "lead", name.StartsWith("z/", StringComparison.Ordinal) ? "z" : "billing/dialer", "--value", name, "--endpoints", _endpoint, "--ttl", "3600", "--grace", grace, "--", "python3", program);

    /// <summary>Waits until one leads and another stands behind it as the last of so many.</summary>
    private async Task WaitingAsync(string leader, string last, int count, string election = "billing/dialer")
    {
        var shown = "";
        await Waiting.UntilAsync(
            $"{leader} leads and {last} waits",
            async () =>
            {
                var ended = await ElectionAsync("show", election, "--json");
                shown = ended.ToString();
                return ended.Code == 0 && JsonNode.Parse(ended.Out)! is var document && document["leader"]!["value"]!.GetValue<string>() == leader
                    && document["waiting"]!.AsArray() is { } waiting && waiting.Count == count && waiting[^1]!["value"]!.GetValue<string>() == last;
            },
            () => shown);
    }

    private async Task PutAsync(string key, string value)
    {
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [_endpoint] });
        await client.PutAsync(new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8(value) });
    }

    private Task<Ended> ElectionAsync(params string[] arguments) =>
        _programs.RunAsync(["election", .. arguments, .. arguments.Contains("--endpoints") || arguments is ["shwo"] ? [] : new[] { "--endpoints", _endpoint }]);

    private async Task<Ended> DoAsync(params string[] arguments)
    {
        var ended = await ElectionAsync(arguments);
        Assert.True(ended.Code == 0, ended.ToString());
        return ended;
    }

    private async Task<JsonNode> JsonAsync(params string[] arguments) => JsonNode.Parse((await DoAsync([.. arguments, "--json"])).Out)!;
}

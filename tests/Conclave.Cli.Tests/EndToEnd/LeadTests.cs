using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary><c>conclave lead</c> with real processes against our own server.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class LeadTests : IAsyncLifetime
{
    private const int ShortTtl = 4;
    private const int LongTtl = 3600;

    private readonly LedPrograms _programs = new();
    private string _endpoint = "";

    public async Task InitializeAsync() => _endpoint = await ElectionServers.ServeAsync(_programs);

    public Task DisposeAsync() => _programs.EndAsync();

    public enum Fault
    {
        KillProgram,
        KillElector,
        StopElector,
        KillGuard,
        StopGuard,
    }

    public enum Woken
    {
        Guard,
        Elector,
        Both,
    }

    [Theory]
    [InlineData(Fault.KillProgram)]
    [InlineData(Fault.KillElector)]
    [InlineData(Fault.StopElector)]
    [InlineData(Fault.KillGuard)]
    [InlineData(Fault.StopGuard)]
    public async Task Another_takes_over_and_two_never_work_at_once(Fault fault)
    {
        var electors = new[] { Lead(ShortTtl), Lead(ShortTtl) };
        var first = await _programs.StartAsync(1);
        var guard = LedPrograms.ParentOf(first.Pid);
        var elector = LedPrograms.ParentOf(guard);
        Assert.Contains(elector, electors.Select(e => e.Id));

        var (signal, pid) = fault switch
        {
            Fault.KillProgram => (RunningCluster.Kill, first.Pid),
            Fault.KillElector => (RunningCluster.Kill, elector),
            Fault.StopElector => (RunningCluster.Stop, elector),
            Fault.KillGuard => (RunningCluster.Kill, guard),
            _ => (RunningCluster.Stop, guard),
        };
        RunningCluster.Signal(signal, pid);
        var second = await _programs.StartAsync(2);

        Assert.True(second.Token > first.Token);
        Assert.False(LedPrograms.IsAlive(first.Pid));
        Assert.NotEqual(elector, LedPrograms.ElectorOf(second.Pid));
        if (fault == Fault.StopElector)
        {
            // Woken, it stands again, and has its turn when the other's program has ended often enough.
            RunningCluster.Signal(RunningCluster.Continue, elector);
            for (var number = 3; number < 20 && LedPrograms.ElectorOf(second.Pid) is not 0 and var leads && leads != elector; number++)
            {
                RunningCluster.Signal(RunningCluster.Kill, second.Pid);
                second = await _programs.StartAsync(number);
            }

            Assert.Equal(elector, LedPrograms.ElectorOf(second.Pid));
        }

        Assert.False(_programs.TwoWorkedAtOnce, "two programs worked at once");
    }

    [Theory]
    [InlineData(Fault.KillProgram)]
    [InlineData(Fault.KillGuard)]
    [InlineData(Fault.StopGuard)]
    public async Task What_ends_the_program_alone_hands_the_leadership_on_long_before_the_lease_ends(Fault fault)
    {
        Lead(LongTtl);
        Lead(LongTtl);
        var first = await _programs.StartAsync(1);
        var guard = LedPrograms.ParentOf(first.Pid);
        var elector = LedPrograms.ParentOf(guard);

        RunningCluster.Signal(fault == Fault.StopGuard ? RunningCluster.Stop : RunningCluster.Kill, fault == Fault.KillProgram ? first.Pid : guard);

        var second = await _programs.StartAsync(2);
        Assert.NotEqual(elector, LedPrograms.ElectorOf(second.Pid));
        Assert.False(_programs.TwoWorkedAtOnce, "two programs worked at once");
    }

    [Fact]
    public async Task Program_ends_with_its_elector_and_not_only_with_the_lease()
    {
        var elector = Lead(LongTtl);
        var first = await _programs.StartAsync(1);
        RunningCluster.Signal(RunningCluster.Kill, elector.Id);
        await LedPrograms.DeadAsync(first.Pid);
    }

    [Fact]
    public async Task Deadline_counts_from_before_a_renewal_was_sent_however_late_its_answer_comes()
    {
        // What the server says arrives 3.5 s late, more than a lease of 20 s is over for us before it is for the server: a deadline counted from the answer lies behind the end of the lease.
        await using var link = new SlowLink(_endpoint, TimeSpan.FromSeconds(3.5));
        _programs.Conclave("lead", "billing/dialer", "--endpoints", link.Endpoint, "--ttl", "20", "--grace", "0.3", "--", "python3", LedPrograms.DeafProgram);
        var first = await _programs.StartAsync(1);
        Lead(ShortTtl);

        link.Cut();

        await _programs.StartAsync(2);
        Assert.False(LedPrograms.IsAlive(first.Pid));
        Assert.False(_programs.TwoWorkedAtOnce, "two programs worked at once");
    }

    [Theory]
    [InlineData(Woken.Guard)]
    [InlineData(Woken.Elector)]
    [InlineData(Woken.Both)]
    public async Task With_both_stopped_only_the_token_helps_and_the_program_ends_when_either_wakes(Woken woken)
    {
        Lead(ShortTtl, LedPrograms.ActingProgram);
        Lead(ShortTtl, LedPrograms.ActingProgram);
        var first = await _programs.StartAsync(1);
        var guard = LedPrograms.ParentOf(first.Pid);
        var elector = LedPrograms.ParentOf(guard);

        RunningCluster.Signal(RunningCluster.Stop, elector, guard);
        var second = await _programs.StartAsync(2);

        // Both act now, and nobody is there who could end the first. What they act upon can: each act asks the gate.
        using var gate = new FencingGate(new MemoryFencingStore());
        int admitted = 0, refused = 0;
        await Waiting.UntilAsync("the first has acted after the second", () => LateActs().Length >= 3, () => $"there were {LateActs().Length}");
        foreach (var act in _programs.Acts)
        {
            Assert.True(FencingToken.TryParse(act, out var token));
            var verdict = await gate.CheckAsync(token, CancellationToken.None);
            admitted += verdict is FencingVerdict.Admitted ? 1 : 0;
            refused += verdict is FencingVerdict.Refused ? 1 : 0;
        }

        Assert.True(admitted > 0 && refused >= 3, $"{admitted} acts were admitted, {refused} refused");
        Assert.True(LedPrograms.IsAlive(first.Pid));

        RunningCluster.Signal(RunningCluster.Continue, woken switch { Woken.Guard => [guard], Woken.Elector => [elector], _ => new[] { elector, guard } });
        var began = Stopwatch.GetTimestamp();
        await LedPrograms.DeadAsync(first.Pid);
        Assert.True(Stopwatch.GetElapsedTime(began) < TimeSpan.FromSeconds(ShortTtl), $"it was ended after {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s");
        Assert.True(LedPrograms.IsAlive(second.Pid));

        string[] LateActs() => [.. _programs.Acts.SkipWhile(act => act == Text(first.Token)).Where(act => act == Text(first.Token))];
        static string Text(long token) => token.ToString(CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Asked_to_end_it_ends_the_program_first_and_resigns()
    {
        var elector = Lead(LongTtl);
        var first = await _programs.StartAsync(1);
        RunningCluster.Signal(RunningCluster.Terminate, elector.Id);
        await elector.WaitForExitAsync();
        Assert.Equal(128 + RunningCluster.Terminate, elector.ExitCode);
        Assert.False(LedPrograms.IsAlive(first.Pid));
        Lead(LongTtl);
        await _programs.StartAsync(2); // long before the lease would have ended
    }

    [Fact]
    public async Task Program_that_cannot_hear_is_killed_after_the_grace()
    {
        var elector = Lead(ShortTtl, LedPrograms.DeafProgram);
        var first = await _programs.StartAsync(1);
        RunningCluster.Signal(RunningCluster.Terminate, elector.Id);
        await elector.WaitForExitAsync();
        Assert.Equal(128 + RunningCluster.Kill, elector.ExitCode);
        Assert.False(LedPrograms.IsAlive(first.Pid));
    }

    [Theory]
    [InlineData(7, "--once", "--", "sh", "-c", "exit 7")]
    [InlineData(0, "--once", "--", "sh", "-c", "test \"$CONCLAVE_TOKEN\" -gt 0 && test \"$CONCLAVE_ELECTION\" = billing/dialer && test -n \"$CONCLAVE_LOST_AT\"")]
    [InlineData(128 + 9, "--once", "--", "sh", "-c", "kill -9 $$")]
    [InlineData(127, "--once", "--", "no-such-program-here")]
    [InlineData(126, "--once", "--", "./program.py")]
    [InlineData(2, "--once")]
    [InlineData(2, "--ttl", "5", "--grace", "30", "--", "true")]
    [InlineData(2, "--backend", "paper", "--", "true")]
    [InlineData(2, "--on-exit", "dance", "--", "true")]
    public async Task Exit_code_says_what_became_of_the_program(int code, params string[] arguments)
    {
        var ended = await _programs.RunAsync(["lead", "billing/dialer", "--endpoints", _endpoint, .. arguments]);
        Assert.True(ended.Code == code, ended.ToString());
        if (code is 2 or 126 or 127)
            Assert.Single(ended.Complaints, line => !line.Contains("waits to lead", StringComparison.Ordinal) && !line.Contains(": leads ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Where_nobody_answers_one_line_says_so()
    {
        var ended = await _programs.RunAsync("lead", "billing/dialer", "--endpoints", string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{LoopbackPorts.Free()}"), "--", "true");
        Assert.True(ended.Code == 125 && ended.Complaints is [var why] && why.Contains("--endpoints", StringComparison.Ordinal), ended.ToString());
    }

    [Fact]
    public async Task Told_as_json_every_line_is_an_event()
    {
        var ended = await _programs.RunAsync("lead", "billing/dialer", "--endpoints", _endpoint, "--json", "--once", "--", "sh", "-c", "echo said; exit 7");

        Assert.Equal(7, ended.Code);
        Assert.Equal("said\n", ended.Out);
        var told = ended.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).ToArray();
        Assert.Equal(["waiting", "elected", "started", "exited", "resigned"], told.Select(line => line["event"]!.GetValue<string>()));
        Assert.All(told, line => Assert.Equal((1, "billing/dialer"), (line["v"]!.GetValue<int>(), line["name"]!.GetValue<string>())));
        Assert.True(told[1]["token"]!.GetValue<long>() > 0);
        Assert.True(told[1]["lost_at"]!.GetValue<DateTimeOffset>() > told[1]["time"]!.GetValue<DateTimeOffset>());
        Assert.True(told[2]["pid"]!.GetValue<int>() > 0);
        Assert.Equal(7, told[3]["code"]!.GetValue<int>());
    }

    [Fact]
    public async Task Told_as_json_a_failure_is_an_event_too()
    {
        var ended = await _programs.RunAsync("lead", "billing/dialer", "--endpoints", _endpoint, "--json", "--", "no-such-program-here");

        Assert.Equal(127, ended.Code);
        var last = JsonNode.Parse(ended.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1])!;
        Assert.Equal(("failed", 127), (last["event"]!.GetValue<string>(), last["code"]!.GetValue<int>()));
        Assert.Contains("no-such-program-here", last["why"]!.GetValue<string>(), StringComparison.Ordinal);
    }

    private Process Lead(int ttl, string program = LedPrograms.Program) => _programs.Conclave(
        "lead", "billing/dialer", "--endpoints", _endpoint, "--ttl", ttl.ToString(CultureInfo.InvariantCulture), "--grace", "0.3", "--", "python3", program);
}

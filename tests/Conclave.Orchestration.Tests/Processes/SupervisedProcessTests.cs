using System.Diagnostics;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;
using Xunit.Abstractions;

namespace Conclave.Orchestration.Tests.Processes;

[Collection(Unhurried.Name)]
public sealed class SupervisedProcessTests(ITestOutputHelper output) : ProcessFixtures
{
    private ProcessSpec Sleep => Shell("") with { FileName = "sleep", Arguments = ["100"] };

    [Fact]
    public async Task Stop_waits_for_a_graceful_end()
    {
        var process = Start(Shell("trap 'exit 4' TERM; echo ready; while :; do sleep 0.01; done"));
        await Until(() => File.ReadAllText(LogFile).Length > 0, "the trap is set");
        Assert.Equal(new ProcessExit.Code(4), await process.StopAsync(Signal.Term, Deadline, default));
    }

    [Fact]
    public async Task Stop_kills_the_group_when_the_grace_is_over()
    {
        var process = Start(Shell("trap '' TERM; (trap '' TERM; exec sleep 100) & echo $!; wait"));
        var child = ProcessIdentity.Of(await PidFromLog())!.Value;
        Assert.True(child.IsAlive());
        Assert.Equal(new ProcessExit.Signal(9), await process.StopAsync(Signal.Term, TimeSpan.FromMilliseconds(50), default));
        await Until(() => !child.IsAlive(), "the member of its group is dead too");
    }

    [Fact]
    public async Task Rest_of_the_group_dies_with_its_leader()
    {
        var process = Start(Shell("sleep 100 & echo $!; wait"));
        var child = ProcessIdentity.Of(await PidFromLog())!.Value;
        process.Signal(Signal.Kill);
        Assert.Equal(new ProcessExit.Signal(9), await EndOf(process));
        await Until(() => !child.IsAlive(), "what the killed leader left is dead too");
    }

    [Fact]
    public async Task Own_session_survives_the_death_of_the_starter()
    {
        var process = Start(Shell("setsid sh -c 'echo $$; exec sleep 100' & wait"));
        var pid = await PidFromLog();
        var child = ProcessIdentity.Of(pid)!.Value;
        await process.KillAsync(default);
        Assert.True(child.IsAlive());
        using var adopted = SupervisedProcess.Adopt(child)!;
        await adopted.KillAsync(default).WaitAsync(Deadline);
    }

    [Fact]
    public async Task Stopped_process_is_seen_as_stopped_and_still_ends_gracefully()
    {
        var process = Start(Shell("trap 'exit 4' TERM; echo ready; while :; do sleep 0.01; done"));
        await Until(() => File.ReadAllText(LogFile).Length > 0, "the trap is set");
        Assert.False(process.IsStopped);
        process.Signal(Signal.Stop);
        await Until(() => process.IsStopped, "it is stopped");
        Assert.Equal(new ProcessExit.Code(4), await process.StopAsync(Signal.Term, Deadline, default));
        Assert.False(process.IsStopped);
    }

    [Fact]
    public async Task Stopped_process_can_be_killed()
    {
        // Not through a shell: stopped between its vfork and the child's exec it would be in state D, not T.
        var process = Start(Sleep);
        process.SignalGroup(Signal.Stop);
        await Until(() => process.IsStopped, "it is stopped");
        Assert.Equal(new ProcessExit.Signal(9), await process.KillAsync(default).WaitAsync(Deadline));
    }

    [Fact]
    public async Task Signals_to_an_ended_process_reach_nobody()
    {
        var process = Start(Shell("exit 0"));
        await EndOf(process);
        Assert.False(process.Signal(Signal.Kill));
        Assert.False(process.SignalGroup(Signal.Kill));
        Assert.Equal(new ProcessExit.Code(0), await process.StopAsync(Signal.Term, Deadline, default));
    }

    [Fact]
    public async Task Disposing_lets_the_process_go_on()
    {
        var process = ProcessSpawner.Spawn(Shell("sleep 100"));
        var identity = process.Identity;
        process.Dispose();
        Assert.True(identity.IsAlive());
        using var again = SupervisedProcess.Adopt(identity)!;
        await again.KillAsync(default).WaitAsync(Deadline);
        await Until(() => ProcessStat.Read(identity.Pid) is null, "it is collected although it was let go");
    }

    [Fact]
    public async Task Adopted_process_of_a_dead_starter_is_watched_and_its_exit_is_unknown()
    {
        // The starter is killed, so its child is init's and not ours.
        var starter = Start(Shell("setsid sh -c 'echo $$; exec sleep 100' & wait"));
        var pid = await PidFromLog();
        await starter.KillAsync(default).WaitAsync(Deadline);
        using var adopted = SupervisedProcess.Adopt(ProcessIdentity.Of(pid)!.Value)!;
        Assert.True(adopted.IsAdopted);
        Assert.NotEqual(Environment.ProcessId, ProcessStat.Read(pid)!.Value.ParentPid);
        Assert.False(adopted.Exited.IsCompleted);

        adopted.Signal(Signal.Term);
        Assert.Equal(new ProcessExit.Unknown(), await EndOf(adopted));
    }

    [Fact]
    public void Reused_number_is_never_taken_for_the_process()
    {
        var process = Start(Shell("sleep 100"));
        var identity = process.Identity;
        Assert.True(identity.IsAlive());

        var earlier = identity with { StartTime = identity.StartTime - 1 };
        var lastBoot = identity with { BootId = "00000000-0000-0000-0000-000000000000" };
        foreach (var other in new[] { earlier, lastBoot, default })
        {
            Assert.False(other.IsAlive());
            Assert.Null(SupervisedProcess.Adopt(other));
        }

        Assert.True(identity.IsAlive());
    }

    [Fact]
    public async Task Ended_process_cannot_be_adopted()
    {
        var process = Start(Shell("exit 0"));
        await EndOf(process);
        Assert.False(process.Identity.IsAlive());
        Assert.Null(SupervisedProcess.Adopt(process.Identity));
    }

    [Fact]
    public void Name_with_parentheses_and_spaces_does_not_shift_the_fields()
    {
        var stat = ProcessStat.Parse("42 (a) R 7 (b)) T 3 42 41 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 123456 1000 10");
        Assert.Equal(new ProcessStat('T', 3, 42, 41, 123456), stat);
    }

    [Fact]
    public async Task Process_is_found_by_its_environment_without_its_descendants()
    {
        var value = Guid.NewGuid().ToString();
        var spec = Shell("sleep 100 & echo $!; wait") with { Environment = new Dictionary<string, string?> { ["CONCLAVE_INSTANCE"] = value, ["CONCLAVE_CLUSTER"] = "a" } };
        var process = Start(spec);
        var child = await PidFromLog();
        await Until(() => ProcessTable.EnvironmentOf(child, "CONCLAVE_INSTANCE") == value, "the descendant has the variable");

        var found = Assert.Single(ProcessTable.FindByEnvironment("CONCLAVE_INSTANCE", value));
        Assert.Equal(process.Identity, found.Identity);
        Assert.True(found.LeadsSession);
        Assert.Empty(ProcessTable.FindByEnvironment("CONCLAVE_INSTANCE", value[..^1]));
        Assert.Empty(ProcessTable.FindByEnvironment(new Dictionary<string, string> { ["CONCLAVE_INSTANCE"] = value, ["CONCLAVE_CLUSTER"] = "b" }));

        await process.KillAsync(default);
        await Until(() => ProcessTable.FindByEnvironment("CONCLAVE_INSTANCE", value).Count == 0, "an ended process is not found");
    }

    [Fact]
    public async Task Reaper_collects_what_is_nobodys_and_leaves_exit_codes_alone()
    {
        var forgotten = ProcessSpawner.Spawn(Shell("exit 1"));
        var pid = forgotten.Pid;
        forgotten.Dispose();
        var kept = Start(Shell("exit 8"));
        await Until(() => ProcessStat.Read(pid) is not { HasEnded: false }, "the forgotten child has ended");
        await Until(() => { OrphanReaper.ReapOnce(); return ProcessStat.Read(pid) is null; }, "the forgotten child is collected");
        Assert.Equal(new ProcessExit.Code(8), await EndOf(kept));
    }

    [Fact]
    public async Task Kill_is_noticed_within_milliseconds()
    {
        var took = new List<double>();
        for (var i = 0; i < 40; i++)
        {
            var process = Start(Sleep);
            var noticed = process.Exited.ContinueWith(_ => Stopwatch.GetTimestamp(), TaskScheduler.Default);
            var killed = Stopwatch.GetTimestamp();
            process.Signal(Signal.Kill);
            took.Add(Stopwatch.GetElapsedTime(killed, await noticed).TotalMilliseconds);
        }

        took.Sort();
        output.WriteLine($"noticed after: median {took[20]:0.00} ms, max {took[^1]:0.00} ms");
        Assert.True(took[20] < 10, $"median {took[20]} ms");
    }
}

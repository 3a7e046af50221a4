using System.Diagnostics;
using static Conclave.Contract.Awaited;

namespace Conclave.Contract;

/// <summary>What an election must do between candidates in processes of their own, which are killed, stopped, and told a wrong time.</summary>
public abstract class ProcessElectionContract : ElectionContract
{
    /// <summary>A directory of this test alone.</summary>
    protected abstract string Folder { get; }

    /// <summary>
    /// A candidate in a process of its own that knocks at the gate while it lives, and says what happens: <see cref="CandidateProcess"/>, with this environment beside the test's own.
    /// </summary>
    protected abstract RunningProcess NewChild(string gateFile, TimeSpan ttl, IReadOnlyDictionary<string, string>? environment);

    [ContractFact]
    public async Task A_killed_leader_is_replaced_when_its_lease_ends()
    {
        using var child = NewChild(GateFile, ShortTtl, environment: null);
        await child.LineAsync("elected");
        var waiting = NewCandidate("b").CampaignAsync(default);
        await UntilStandAsync(2);

        var killed = Stopwatch.GetTimestamp();
        child.Signal(Signal.Kill);
        await using var leadership = await waiting.WaitAsync(Deadline);

        // Not at once: what is left of a lease that was renewed a third of it ago, less what a busy machine was late with that renewal.
        Assert.True(Stopwatch.GetElapsedTime(killed) > ShortTtl / 4, $"replaced after {Stopwatch.GetElapsedTime(killed)}, before its lease could end");
    }

    [ContractFact]
    public async Task A_stopped_leader_that_wakes_up_has_lost_and_is_refused_at_the_gate()
    {
        using var child = NewChild(GateFile, ShortTtl, environment: null);
        await child.LineAsync("elected");
        await StoppedPastTheLeaseItIsRefusedAsync(child);
    }

    [ContractFact(File = WallClock.Program, Package = "faketime")]
    public async Task A_wall_clock_that_jumps_neither_costs_the_leadership_nor_prolongs_it()
    {
        var clock = new WallClock(Folder);

        // Long enough that a machine that stalls for two seconds does not cost it the lease.
        using var child = NewChild(GateFile, 3 * ShortTtl, clock.Environment);
        await child.LineAsync("elected");
        var waiting = NewCandidate("b").CampaignAsync(default);

        // Renewed often enough that the lease of before the jump would be over.
        clock.Set(TimeSpan.FromHours(50));
        await child.LineAsync($"today is {clock.Today}");
        await RenewedAsync(child, times: 4);
        clock.Set(TimeSpan.FromHours(-50)); // by which the lease would last for four days yet
        await child.LineAsync($"today is {clock.Today}");
        await RenewedAsync(child, times: 4);

        Assert.DoesNotContain("lost", child.Output, StringComparison.Ordinal);
        Assert.False(waiting.IsCompleted);
        await StoppedPastTheLeaseItIsRefusedAsync(child, waiting);
    }

    private string GateFile => Path.Combine(Folder, "token");

    private async Task StoppedPastTheLeaseItIsRefusedAsync(RunningProcess child, Task<Leadership>? next = null)
    {
        using var gate = new FencingGate(new FileFencingStore(GateFile));
        var old = Token(await child.LineAsync("elected"));
        await child.LineAsync("Admitted");
        child.Signal(Signal.Stop);

        await using var leadership = await (next ?? NewCandidate("b").CampaignAsync(default)).WaitAsync(Deadline);
        Assert.True(leadership.FencingToken > old);
        Assert.IsType<FencingVerdict.Admitted>(await gate.CheckAsync(leadership.FencingToken, default));
        child.Signal(Signal.Continue);

        await child.LineAsync("Refused");
        var lost = await child.LineAsync("lost");
        Assert.True(lost is "lost LeaseEnded" or "lost LeaseRefused" or "lost Removed", lost);
        Assert.True(leadership.IsHeld);
    }

    private static async Task RenewedAsync(RunningProcess child, int times)
    {
        var before = child.Output.Split('\n').Count(line => line.StartsWith("renewed", StringComparison.Ordinal));
        await child.LineAsync($"renewed {before + times}");
    }

    private static FencingToken Token(string line)
    {
        Assert.True(FencingToken.TryParse(line.Split(' ')[1], out var token), line);
        return token;
    }
}

using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Demo;

/// <summary>The three faults, each done to the leader in the middle of its calls, at a point of progress and not of time.</summary>
internal sealed class LeaderFaults(DialerDemoOptions options, DialerLane lane, Coordination coordination, Action show, Action<string> say)
{
    /// <summary>A woken leader that had announced no call (the customers had all been called) sends nothing; then nobody need refuse it.</summary>
    private static readonly TimeSpan WakingMax = TimeSpan.FromSeconds(10);

    private ImmutableArray<FaultReceipt> _done = [];

    /// <summary>What was done last, for the view.</summary>
    public string Last { get; private set; } = "";

    /// <summary>Injects them one after the other, each healed before the next.</summary>
    public async Task<ImmutableArray<FaultReceipt>> InjectAsync(CancellationToken stopping)
    {
        await KillAsync(options.FaultAt(1), stopping);
        await PauseAsync(options.FaultAt(2), stopping);
        await CutOffAsync(options.FaultAt(3), stopping);
        return _done;
    }

    private async Task KillAsync(int at, CancellationToken stopping)
    {
        var leader = await MidRunAsync(at, stopping);
        var began = Stopwatch.GetTimestamp();
        var process = lane.Dialers[leader.Instance];
        process.MayEnd = true;
        process.Process.Signal(Signal.Kill);
        Tell($"{leader.Instance} is killed");
        await SucceededAsync("killed (SIGKILL)", leader, began, stopping);
    }

    private async Task PauseAsync(int at, CancellationToken stopping)
    {
        var (leader, began) = await PauseWhileAnnouncingAsync(at, stopping);
        var process = lane.Dialers[leader.Instance].Process;
        Tell($"{leader.Instance} is paused");
        await SucceededAsync("paused past its lease (SIGSTOP), then woken", leader, began, stopping);

        var enough = Math.Min(lane.Tally.CustomersCalled + options.CallsBeforeWaking, options.Customers);
        await UntilAsync($"the next leader has called until {enough} customers were called", () => lane.Tally.CustomersCalled >= enough, stopping);
        var refused = lane.Statistics.Refused;
        var woken = Stopwatch.GetTimestamp();
        process.Signal(Signal.Cont);
        Tell($"{leader.Instance} is woken, and sends what it had prepared");
        await UntilAsync("the woken leader is heard", () => lane.Statistics.Refused > refused || lane.Tally.LateCalls > 0 || Stopwatch.GetElapsedTime(woken) > WakingMax, stopping);
        if (lane.Statistics.Refused > refused)
            say(string.Create(CultureInfo.InvariantCulture, $"the API refuses {leader.Instance}: token {leader.Token} is older than {lane.Tally.HighestToken}"));
        else
            say(lane.Tally.LateCalls > 0 ? $"the API lets {leader.Instance} dial, though it no longer leads" : $"{leader.Instance} had nothing prepared");
    }

    /// <summary>
    /// Stops the leader when it has asked for a call and not yet spoken its announcement to the end: that is what it goes on with when it wakes. What reached the API before the stop is let through, and
    /// should that have been all, the leader goes on and is stopped again.
    /// </summary>
    private async Task<(DemoLeader Leader, long Began)> PauseWhileAnnouncingAsync(int at, CancellationToken stopping)
    {
        while (true)
        {
            var leader = await MidRunAsync(at, stopping);
            var began = Stopwatch.GetTimestamp();
            var process = lane.Dialers[leader.Instance].Process;
            process.Signal(Signal.Stop);
            var announced = -1;
            await UntilAsync("the API has heard all that the leader sent", () =>
            {
                var before = announced;
                announced = lane.Statistics.Announced;
                return lane.Statistics.UnderWay == 0 && announced == before;
            }, stopping);
            if (announced > 0 || lane.Tally.CustomersCalled == options.Customers)
                return (leader, began);
            process.Signal(Signal.Cont);
        }
    }

    private async Task CutOffAsync(int at, CancellationToken stopping)
    {
        var leader = await MidRunAsync(at, stopping);
        var relay = coordination.RelayOf(int.Parse(leader.Instance.AsSpan(leader.Instance.IndexOf('-', StringComparison.Ordinal) + 1), CultureInfo.InvariantCulture));
        var began = Stopwatch.GetTimestamp();
        relay.Cut();
        Tell($"{leader.Instance} is cut off from the coordination server");
        var next = await SucceededAsync("cut off from the coordination server", leader, began, stopping);
        await UntilAsync($"{next.Instance} calls", () => lane.Tally.HighestToken >= next.Token || lane.Tally.CustomersCalled == options.Customers, stopping);
        relay.Restore();
    }

    /// <summary>The leader, while calls are under way. Should the campaign have ended before we looked, the fault finds an idle leader, and the lane says the same of its customers.</summary>
    private async Task<DemoLeader> MidRunAsync(int at, CancellationToken stopping)
    {
        DemoLeader? leader = null;
        await UntilAsync($"{at} customers are called", () =>
        {
            leader = coordination.Reigns.Now;
            var isAtWork = leader?.Token == lane.Tally.HighestToken && lane.Statistics.UnderWay > 0 && lane.Statistics.UnderWay < options.Lines;
            return leader is not null && lane.Tally.CustomersCalled >= at && (isAtWork || lane.Tally.CustomersCalled == options.Customers);
        }, stopping);
        return leader!;
    }

    private async Task<DemoLeader> SucceededAsync(string fault, DemoLeader before, long began, CancellationToken stopping)
    {
        var at = lane.Tally.CustomersCalled;
        await UntilAsync($"another leads than {before.Instance}", () => coordination.Reigns.After(before.Token) is not null, stopping);
        var (after, since) = coordination.Reigns.After(before.Token)!.Value;
        _done = _done.Add(new FaultReceipt(fault, at, before, after, DialerReceipt.Rounded(Stopwatch.GetElapsedTime(began, since))));
        Tell(string.Create(CultureInfo.InvariantCulture, $"{after.Instance} leads, token {after.Token}, and goes on"));
        return after;
    }

    private Task UntilAsync(string condition, Func<bool> holds, CancellationToken stopping) => lane.UntilAsync(condition, holds, show, stopping);

    private void Tell(string what)
    {
        Last = what;
        say(what);
        show();
    }
}

using System.Diagnostics;
using static Conclave.Contract.Awaited;

namespace Conclave.Contract;

/// <summary>
/// What an election must do, whatever it is kept in. One subclass for each backend; every test has a server of its own.
/// </summary>
public abstract class ElectionContract : IAsyncLifetime
{
    /// <summary>The one election of the contract.</summary>
    protected const string Election = "billing/dialer";

    // Long enough that a busy machine costs nobody a lease by accident; tests that wait for an end take the short one.
    protected static readonly TimeSpan LongTtl = TimeSpan.FromSeconds(20);
    protected static readonly TimeSpan ShortTtl = TimeSpan.FromSeconds(2);

    private readonly List<IAsyncDisposable> _owned = [];

    /// <summary>A directory of this test alone.</summary>
    protected abstract string Folder { get; }

    /// <summary>Starts the server, the first time or again on its data, and waits until it serves.</summary>
    protected abstract Task StartServerAsync();

    /// <summary>Kills the server without warning and waits for its end.</summary>
    protected abstract Task KillServerAsync();

    protected abstract void SignalServer(Signal signal);

    protected abstract Task DisposeServerAsync();

    /// <summary>A candidate with a connection and a lease of its own.</summary>
    protected abstract ILeaderElection NewCandidate(string value, TimeSpan ttl);

    /// <summary>A candidate in a process of its own that knocks at the gate while it lives, and says what happens.</summary>
    protected abstract RunningProcess NewChild(string gateFile, TimeSpan ttl);

    /// <summary>How many stand, the leader among them.</summary>
    protected abstract Task<int> CountStandingAsync();

    /// <summary>Removes what stands for the leadership, as an operator might.</summary>
    protected abstract Task RemoveLeaderAsync();

    /// <summary>What a withdrawn candidate may leave behind is gone: its place, and where a lease is made for it, that.</summary>
    protected virtual Task UntilNothingIsLeftAsync() => UntilStandAsync(0);

    public Task InitializeAsync() => StartServerAsync();

    public async Task DisposeAsync()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
            await owned.DisposeAsync();
        await DisposeServerAsync();
    }

    [ContractFact]
    public async Task Nobody_leads_before_the_first_campaign() => Assert.Null(await NewCandidate("a").GetLeaderAsync(default));

    [ContractFact]
    public async Task The_elected_is_whom_all_see()
    {
        await using var leadership = await ElectedAsync(NewCandidate("a"));
        Assert.True(leadership.IsHeld);
        Assert.Equal(new Leader("a", leadership.FencingToken), await NewCandidate("b").GetLeaderAsync(default));
    }

    [ContractFact]
    public async Task Resigning_hands_over_within_a_round_trip_and_not_a_TTL()
    {
        var first = await ElectedAsync(NewCandidate("a"));
        var waiting = NewCandidate("b").CampaignAsync(default);
        await UntilStandAsync(2);
        Assert.False(waiting.IsCompleted);

        var resigned = Stopwatch.GetTimestamp();
        Assert.Equal(ResignResult.Released, await first.ResignAsync(default));
        await using var second = await waiting.WaitAsync(Deadline);

        Assert.True(Stopwatch.GetElapsedTime(resigned) < LongTtl / 2, $"the hand-over took {Stopwatch.GetElapsedTime(resigned)}");
        Assert.True(second.FencingToken > first.FencingToken);
        Assert.Equal(LossReason.Resigned, first.LossReason);
    }

    [ContractFact]
    public async Task Over_twenty_hand_overs_among_five_tokens_grow_leaders_never_overlap_and_an_observer_sees_each()
    {
        await using var observer = new Observer(NewCandidate("observer"));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        var won = new List<Leader>();
        var inside = 0;
        await Task.WhenAll(Enumerable.Range(0, 5).Select(async number =>
        {
            var candidate = NewCandidate($"candidate-{number}");
            for (var turn = 0; turn < 4; turn++)
            {
                await using var leadership = await ElectedAsync(candidate);
                Assert.Equal(1, Interlocked.Increment(ref inside));
                won.Add(leadership.Leader);
                Assert.True(leadership.IsHeld);
                Assert.Equal(0, Interlocked.Decrement(ref inside));
            }
        }));

        Assert.Equal(20, won.Count);
        Assert.Equal(won.OrderBy(leader => leader.FencingToken).Distinct(), won);

        // The last change is that nobody leads any more.
        await observer.UntilAsync("the observer has seen the end", seen => seen[^1] is null && seen.Count > 20);
        Assert.Equal(won, observer.Seen.OfType<Leader>());
        Assert.DoesNotContain(observer.Seen.Zip(observer.Seen.Skip(1)), pair => pair.First == pair.Second);
    }

    [ContractFact]
    public async Task A_try_leads_when_nobody_does_and_otherwise_leaves_nothing_behind()
    {
        var first = await NewCandidate("a").TryCampaignAsync(default);
        Assert.NotNull(first);
        var other = NewCandidate("b");
        Assert.Null(await other.TryCampaignAsync(default));
        Assert.Equal(1, await CountStandingAsync());

        await first.DisposeAsync();
        await using var second = await other.TryCampaignAsync(default);
        Assert.NotNull(second);
        Assert.True(second.FencingToken > first.FencingToken);
    }

    [ContractFact]
    public async Task A_cancelled_campaign_leaves_nothing_behind_and_can_be_repeated()
    {
        var first = await ElectedAsync(NewCandidate("a"));
        var other = NewCandidate("b");
        using var withdraw = new CancellationTokenSource();
        var waiting = other.CampaignAsync(withdraw.Token);
        await UntilStandAsync(2);

        await withdraw.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(1, await CountStandingAsync());
        Assert.Equal(first.Leader, await other.GetLeaderAsync(default));

        await first.DisposeAsync();
        await using var second = await ElectedAsync(other);
        Assert.Equal("b", second.Leader.Value);
    }

    [ContractFact]
    public async Task A_killed_leader_is_replaced_when_its_lease_ends()
    {
        using var child = NewChild(GateFile, ShortTtl);
        await child.LineAsync("elected");
        var waiting = NewCandidate("b").CampaignAsync(default);
        await UntilStandAsync(2);

        var killed = Stopwatch.GetTimestamp();
        child.Signal(Signal.Kill);
        await using var leadership = await waiting.WaitAsync(Deadline);
        Assert.InRange(Stopwatch.GetElapsedTime(killed), ShortTtl / 2, ShortTtl + TimeSpan.FromSeconds(3));
    }

    [ContractFact]
    public async Task A_stopped_leader_that_wakes_up_has_lost_and_is_refused_at_the_gate()
    {
        using var gate = new FencingGate(new FileFencingStore(GateFile));
        using var child = NewChild(GateFile, ShortTtl);
        var old = Token(await child.LineAsync("elected"));
        await child.LineAsync("Admitted");
        child.Signal(Signal.Stop);

        await using var leadership = await ElectedAsync(NewCandidate("b"));
        Assert.True(leadership.FencingToken > old);
        Assert.IsType<FencingVerdict.Admitted>(await gate.CheckAsync(leadership.FencingToken, default));
        child.Signal(Signal.Continue);

        await child.LineAsync("Refused");
        var lost = await child.LineAsync("lost");
        Assert.True(lost is "lost LeaseEnded" or "lost LeaseRefused" or "lost Removed", lost);
        Assert.True(leadership.IsHeld);
    }

    [ContractFact]
    public async Task With_a_hung_server_Lost_fires_by_our_own_clock_before_the_lease_could_end_there()
    {
        var leadership = await ElectedAsync(NewCandidate("a", ShortTtl));
        var lost = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        var hung = Stopwatch.GetTimestamp();
        leadership.Lost.Register(() => lost.SetResult(Stopwatch.GetElapsedTime(hung)));
        SignalServer(Signal.Stop);
        try
        {
            // The last renewal may have been sent just before, so the lease may run its whole length from here, and no longer.
            var after = await lost.Task.WaitAsync(Deadline);
            Assert.InRange(after, TimeSpan.Zero, ShortTtl);
            Assert.Equal(LossReason.LeaseEnded, leadership.LossReason);
        }
        finally
        {
            SignalServer(Signal.Continue);
        }

        Assert.Equal(ResignResult.Released, await leadership.ResignAsync(default));
        await UntilStandAsync(0);
    }

    [ContractFact]
    public async Task A_resignation_that_a_hung_server_does_not_answer_is_unknown_and_still_ends_the_leadership()
    {
        var leadership = await ElectedAsync(NewCandidate("a", ShortTtl));
        SignalServer(Signal.Stop);
        Assert.Equal(ResignResult.Unknown, await leadership.ResignAsync(default).WaitAsync(Deadline));
        Assert.False(leadership.IsHeld);
        SignalServer(Signal.Continue);
        await UntilAsync("nobody leads", async () => await NewCandidate("b").GetLeaderAsync(default) is null);
    }

    [ContractFact]
    public async Task A_campaign_cancelled_while_the_server_hangs_leaves_no_ghost_although_its_lease_could_be_renewed()
    {
        var other = NewCandidate("b");
        await (await ElectedAsync(other)).DisposeAsync(); // there is a lease now

        SignalServer(Signal.Stop);
        using var withdraw = new CancellationTokenSource(TimeSpan.FromMilliseconds(100)); // the creation is on its way by then
        var campaign = other.CampaignAsync(withdraw.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => campaign);
        SignalServer(Signal.Continue);

        // The delayed creation may be applied first; it is taken away long before the lease, renewed as it could be, would end.
        var woken = Stopwatch.GetTimestamp();
        await UntilNothingIsLeftAsync();
        Assert.True(Stopwatch.GetElapsedTime(woken) < LongTtl / 2);
        await using var leadership = await ElectedAsync(other);
        Assert.Equal(1, await CountStandingAsync());
    }

    [ContractFact]
    public async Task A_server_that_restarts_within_the_lease_costs_nobody_the_leadership()
    {
        await using var leadership = await ElectedAsync(NewCandidate("a"));
        var waiting = NewCandidate("b").CampaignAsync(default);
        await UntilStandAsync(2);

        await KillServerAsync();
        await StartServerAsync();

        Assert.True(leadership.IsHeld);
        await leadership.DisposeAsync();
        await using var next = await waiting.WaitAsync(Deadline);
        Assert.True(next.FencingToken > leadership.FencingToken);
    }

    [ContractFact]
    public async Task An_observer_misses_nothing_while_the_server_is_away()
    {
        await using var observer = new Observer(NewCandidate("observer"));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        var leadership = await ElectedAsync(NewCandidate("a"));

        // A backend without history can tell only what happened since the observer looked last.
        await observer.UntilAsync("the observer has seen the leader", seen => seen.Count == 2);
        await KillServerAsync();
        await StartServerAsync();
        await leadership.DisposeAsync();
        await observer.UntilAsync("the observer has seen the end", seen => seen[^1] is null && seen.Count > 1);

        Assert.Equal([null, leadership.Leader, null], observer.Seen);
    }

    [ContractFact]
    public async Task What_somebody_removes_is_a_leadership_lost_and_the_candidate_can_stand_again()
    {
        var candidate = NewCandidate("a");
        var leadership = await ElectedAsync(candidate);
        await RemoveLeaderAsync();
        await LostAsync(leadership);
        Assert.Equal(LossReason.Removed, leadership.LossReason);
        await using var again = await ElectedAsync(candidate);
        Assert.True(again.FencingToken > leadership.FencingToken);
    }

    [ContractFact]
    public async Task A_candidate_takes_part_once_at_a_time()
    {
        var candidate = NewCandidate("a");
        var leadership = await ElectedAsync(candidate);
        await Assert.ThrowsAsync<InvalidOperationException>(() => candidate.CampaignAsync(default));
        await leadership.DisposeAsync();
        await using var again = await ElectedAsync(candidate);
    }

    [ContractFact]
    public async Task Disposing_a_candidate_withdraws_its_campaign_and_resigns_its_leadership()
    {
        var leading = NewCandidate("a");
        var waiting = NewCandidate("b");
        var leadership = await ElectedAsync(leading);
        var campaign = waiting.CampaignAsync(default);
        await UntilStandAsync(2);

        await waiting.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => campaign);
        await leading.DisposeAsync();

        Assert.False(leadership.IsHeld);
        Assert.Equal(0, await CountStandingAsync());
    }

    protected ILeaderElection NewCandidate(string value) => NewCandidate(value, LongTtl);

    protected Task UntilStandAsync(int count) => UntilAsync($"{count} stand", async () => await CountStandingAsync() == count);

    /// <summary>Disposes it when the test ends, before the server.</summary>
    protected T Own<T>(T owned)
        where T : IAsyncDisposable
    {
        lock (_owned)
            _owned.Add(owned);
        return owned;
    }

    private string GateFile => Path.Combine(Folder, "token");

    private static FencingToken Token(string line)
    {
        Assert.True(FencingToken.TryParse(line.Split(' ')[1], out var token), line);
        return token;
    }
}

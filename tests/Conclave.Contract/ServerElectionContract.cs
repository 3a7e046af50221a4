using System.Diagnostics;
using System.Net;
using static Conclave.Contract.Awaited;

namespace Conclave.Contract;

/// <summary>What an election must do that is kept in a server, when the server or the network in front of it fails. Every test has a server of its own.</summary>
public abstract class ServerElectionContract : ProcessElectionContract
{
    // Tests that wait for several renewals, none of which may come too late on a busy machine.
    private static readonly TimeSpan MiddleTtl = TimeSpan.FromSeconds(8);

    // A lease is renewed at the latest after a third of it.
    private static readonly TimeSpan MiddleRenewal = MiddleTtl / 3;

    private readonly Lazy<Relay> _network;

    protected ServerElectionContract() => _network = new Lazy<Relay>(() => Own(new Relay(ServerEndPoint)));

    /// <summary>Where the server listens.</summary>
    protected abstract EndPoint ServerEndPoint { get; }

    /// <summary>Starts the server, the first time or again on its data, and waits until it serves.</summary>
    protected abstract Task StartServerAsync();

    /// <summary>Kills the server without warning and waits for its end.</summary>
    protected abstract Task KillServerAsync();

    protected abstract void SignalServer(Signal signal);

    protected abstract Task DisposeServerAsync();

    /// <summary>A candidate that reaches the server at <paramref name="address"/> only, <c>127.0.0.1:PORT</c>, where a <see cref="Relay"/> listens.</summary>
    protected abstract ILeaderElection NewCandidateThrough(string address, string value, TimeSpan ttl);

    /// <summary>For how long a candidate of these tests may rely on a lease of <paramref name="ttl"/>, counted from when its renewal was sent.</summary>
    protected abstract TimeSpan UsableOf(TimeSpan ttl);

    /// <summary>Removes what stands for the leadership, as an operator might.</summary>
    protected abstract Task RemoveLeaderAsync();

    /// <summary>What a withdrawn candidate may leave behind is gone: its place, and where a lease is made for it, that.</summary>
    protected virtual Task UntilNothingIsLeftAsync() => UntilStandAsync(0);

    public override Task InitializeAsync() => StartServerAsync();

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        await DisposeServerAsync();
    }

    [ContractFact]
    public async Task With_a_hung_server_Lost_fires_by_our_own_clock_before_the_lease_could_end_there()
    {
        var leadership = await ElectedAsync(NewCandidate("a", ShortTtl));
        SignalServer(Signal.Stop);
        var hung = Instant.Now(BootTime.Provider);
        try
        {
            // The last renewal may have been sent just before, so the lease may run its whole length from here, and no longer. Read from our clock: when a callback gets to run is the machine's affair.
            await LostAsync(leadership);
            Assert.InRange(leadership.EndsAt!.Value - hung, -ShortTtl, ShortTtl);
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

        // A server without history cannot tell of a leader who came and went between two lists.
        await observer.UntilAsync("the leader is seen", seen => seen.Count == 2);
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
    public async Task Connections_that_break_are_made_again_and_cost_neither_the_leadership_nor_who_waits()
    {
        var leadership = await ElectedAsync(NewCandidateThrough(_network.Value.Address, "a", MiddleTtl));
        var waiting = NewCandidateThrough(_network.Value.Address, "b", MiddleTtl).CampaignAsync(default);
        await UntilStandAsync(2);
        for (var cut = 0; cut < 2; cut++)
        {
            _network.Value.Cut();
            await RenewedAsync(leadership);
        }

        Assert.False(waiting.IsCompleted);
        Assert.Equal(2, await CountStandingAsync());
        _network.Value.Cut();
        Assert.Equal(ResignResult.Released, await leadership.ResignAsync(default));
        await using var next = await waiting.WaitAsync(Deadline);
        Assert.Equal("b", next.Leader.Value);
    }

    [ContractFact]
    public async Task A_server_slower_than_a_renewal_but_not_than_the_lease_costs_nobody_the_leadership()
    {
        var leadership = await ElectedAsync(NewCandidateThrough(_network.Value.Address, "a", MiddleTtl));
        var waiting = NewCandidate("b").CampaignAsync(default);
        await UntilStandAsync(2);
        for (var stall = 0; stall < 2; stall++)
        {
            // From a renewal on, past the one that is due next. The time is the fault itself, a server silent for so long, and not waiting for something.
            await RenewedAsync(leadership);
            _network.Value.Hold();
            var held = leadership.EndsAt;
            await Task.Delay(MiddleRenewal * 1.2);
            Assert.Equal(held, leadership.EndsAt);
            _network.Value.Release();
        }

        await RenewedAsync(leadership);
        Assert.False(waiting.IsCompleted);
        await leadership.DisposeAsync();
        await using var next = await waiting.WaitAsync(Deadline);
    }

    [ContractFact]
    public async Task A_lease_is_counted_from_before_its_renewal_was_sent()
    {
        await using var leadership = await ElectedAsync(NewCandidateThrough(_network.Value.Address, "a", MiddleTtl));

        // Of two renewals the second was sent late enough to be under way so long, there and back, for certain.
        var each = TimeSpan.FromMilliseconds(100);
        _network.Value.Delay = each;
        await RenewedAsync(leadership);
        await RenewedAsync(leadership);

        // To look late only shortens what is left.
        Assert.True(leadership.EndsAt!.Value - Instant.Now(BootTime.Provider) <= UsableOf(MiddleTtl) - (2 * each), "the way there and back was not counted");
        _network.Value.Delay = TimeSpan.Zero;
    }

    [ContractFact]
    public async Task A_server_slower_than_the_lease_ends_the_leadership_before_the_next_and_its_late_answers_do_not_bring_it_back()
    {
        var candidate = NewCandidateThrough(_network.Value.Address, "a", ShortTtl);
        var first = await ElectedAsync(candidate);
        var lost = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        first.Lost.Register(() => lost.SetResult(Stopwatch.GetTimestamp()));
        var waiting = NewCandidate("b").CampaignAsync(default);
        await UntilStandAsync(2);

        // There and back takes longer than the lease; there alone does not, so what is sent is still done.
        _network.Value.Delay = ShortTtl * 0.6;
        var second = await waiting.WaitAsync(Deadline);
        var elected = Stopwatch.GetTimestamp();
        Assert.False(first.IsHeld);
        Assert.Equal(LossReason.LeaseEnded, first.LossReason);
        Assert.True(await lost.Task.WaitAsync(Deadline) < elected, "the next led before Lost");

        _network.Value.Delay = TimeSpan.Zero;
        var again = candidate.CampaignAsync(default);
        await UntilStandAsync(2);
        Assert.False(first.IsHeld);
        Assert.True(second.IsHeld);
        Assert.False(again.IsCompleted);
        await second.DisposeAsync();
        await using var third = await again.WaitAsync(Deadline);
        Assert.True(third.FencingToken > second.FencingToken && second.FencingToken > first.FencingToken);
    }

    [ContractFact]
    public async Task A_server_that_accepts_and_says_nothing_is_unavailable_within_a_bound_and_of_use_when_it_speaks()
    {
        _network.Value.Hold();
        var candidate = NewCandidateThrough(_network.Value.Address, "a", MiddleTtl);
        var asked = Stopwatch.GetTimestamp();
        var fault = await Assert.ThrowsAsync<ElectionUnavailableException>(() => candidate.GetLeaderAsync(default).WaitAsync(Deadline));
        Assert.Contains(Election, fault.Message, StringComparison.Ordinal);
        fault = await Assert.ThrowsAsync<ElectionUnavailableException>(() => candidate.TryCampaignAsync(default).WaitAsync(Deadline));
        Assert.Contains(Election, fault.Message, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(asked) < TimeSpan.FromSeconds(20), $"{Stopwatch.GetElapsedTime(asked)} went by");

        _network.Value.Release();
        await using var leadership = await ElectedAsync(candidate);
        Assert.Equal(1, await CountStandingAsync());
    }
}

using System.Diagnostics;
using Conclave.Contract;
using static Conclave.Contract.Awaited;

namespace Conclave.Peers.Tests;

/// <summary>What the contract asks of a server that is killed, stopped or restarted, asked of the majority of the members.</summary>
public sealed class MajorityTests : IAsyncLifetime
{
    private const string Election = "billing/dialer";
    private static readonly TimeSpan LongTtl = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan ShortTtl = TimeSpan.FromSeconds(2);

    private readonly List<IAsyncDisposable> _owned = [];
    private readonly MajorityBench _bench;

    public MajorityTests() => _bench = Own(new MajorityBench());

    public Task InitializeAsync() => _bench.StartAsync();

    public async Task DisposeAsync()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
            await owned.DisposeAsync();
    }

    [Fact]
    public async Task With_a_hung_majority_Lost_fires_by_our_own_clock_before_the_lease_could_end_there()
    {
        var leadership = await ElectedAsync(NewCandidate("a", ShortTtl));
        _bench.Signal(Signal.Stop);
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
            _bench.Signal(Signal.Continue);
        }

        Assert.Equal(ResignResult.Released, await leadership.ResignAsync(default));
        await UntilStandAsync(0);
    }

    [Fact]
    public async Task A_resignation_that_a_hung_majority_does_not_answer_is_unknown_and_still_ends_the_leadership()
    {
        var leadership = await ElectedAsync(NewCandidate("a", ShortTtl));
        _bench.Signal(Signal.Stop);
        Assert.Equal(ResignResult.Unknown, await leadership.ResignAsync(default).WaitAsync(Deadline));
        Assert.False(leadership.IsHeld);
        _bench.Signal(Signal.Continue);
        await UntilAsync("nobody leads", async () => await NewCandidate("b").GetLeaderAsync(default) is null);
    }

    [Fact]
    public async Task A_campaign_cancelled_while_the_majority_hangs_leaves_no_ghost_although_its_lease_could_be_renewed()
    {
        var other = NewCandidate("b");
        await (await ElectedAsync(other)).DisposeAsync(); // there is a lease now

        _bench.Signal(Signal.Stop);
        using var withdraw = new CancellationTokenSource(TimeSpan.FromMilliseconds(100)); // the creation is on its way by then
        var campaign = other.CampaignAsync(withdraw.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => campaign);
        _bench.Signal(Signal.Continue);

        // The delayed creation may be applied first; it is taken away long before the lease, renewed as it could be, would end.
        var woken = Stopwatch.GetTimestamp();
        await UntilStandAsync(0);
        Assert.True(Stopwatch.GetElapsedTime(woken) < LongTtl / 2);
        await using var leadership = await ElectedAsync(other);
        Assert.Single(await _bench.StandingAsync(Election));
    }

    [Fact]
    public async Task A_majority_that_restarts_within_the_lease_costs_nobody_the_leadership()
    {
        await using var leadership = await ElectedAsync(NewCandidate("a"));
        var waiting = NewCandidate("b").CampaignAsync(default);
        await UntilStandAsync(2);

        await _bench.KillAsync();
        await _bench.StartAsync();

        Assert.True(leadership.IsHeld);
        await leadership.DisposeAsync();
        await using var next = await waiting.WaitAsync(Deadline);
        Assert.True(next.FencingToken > leadership.FencingToken);
    }

    [Fact]
    public async Task An_observer_misses_nothing_while_the_majority_is_away()
    {
        await using var observer = new Observer(NewCandidate("observer"));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        var leadership = await ElectedAsync(NewCandidate("a"));

        await _bench.KillAsync();
        await _bench.StartAsync();
        await leadership.DisposeAsync();
        await observer.UntilAsync("the observer has seen the end", seen => seen[^1] is null && seen.Count > 1);

        Assert.Equal([null, leadership.Leader, null], observer.Seen);
    }

    [Fact]
    public async Task What_somebody_removes_is_a_leadership_lost_and_the_candidate_can_stand_again()
    {
        var candidate = NewCandidate("a");
        var leadership = await ElectedAsync(candidate);
        await _bench.RemoveLeaderAsync(Election);
        await LostAsync(leadership);
        Assert.Equal(LossReason.Removed, leadership.LossReason);
        await using var again = await ElectedAsync(candidate);
        Assert.True(again.FencingToken > leadership.FencingToken);
    }

    private PeerElection NewCandidate(string value, TimeSpan? ttl = null) => Own(_bench.NewCandidate(Election, value, ttl ?? LongTtl));

    private T Own<T>(T owned)
        where T : IAsyncDisposable
    {
        _owned.Add(owned);
        return owned;
    }

    private Task UntilStandAsync(int count) => UntilAsync($"{count} stand", async () => (await _bench.StandingAsync(Election)).Count == count);
}

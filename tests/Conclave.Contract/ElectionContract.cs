using System.Diagnostics;
using static Conclave.Contract.Awaited;

namespace Conclave.Contract;

/// <summary>
/// What an election must do, whatever it is kept in, between candidates that live and are reached. One subclass for each backend; every test has an election of its own.
/// <see cref="ProcessElectionContract"/> asks for more where candidates are in processes of their own, <see cref="ServerElectionContract"/> where a server keeps the election.
/// </summary>
public abstract class ElectionContract : IAsyncLifetime
{
    /// <summary>The one election of the contract.</summary>
    protected const string Election = "billing/dialer";

    // Long enough that a busy machine costs nobody a lease by accident; tests that wait for an end take the short one.
    protected static readonly TimeSpan LongTtl = TimeSpan.FromSeconds(20);
    protected static readonly TimeSpan ShortTtl = TimeSpan.FromSeconds(2);

    private readonly List<IAsyncDisposable> _owned = [];

    /// <summary>A candidate with a connection and a lease of its own, where there are such.</summary>
    protected abstract ILeaderElection NewCandidate(string value, TimeSpan ttl);

    /// <summary>How many stand, the leader among them.</summary>
    protected abstract Task<int> CountStandingAsync();

    public virtual Task InitializeAsync() => Task.CompletedTask;

    /// <summary>Disposes what the test owns, the last first.</summary>
    public virtual async Task DisposeAsync()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
            await owned.DisposeAsync();
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
        var won = await TakeTurnsAsync(contenders: 5, turns: 4, LongTtl);
        Assert.Equal(20, won.Count);

        // The last change is that nobody leads any more.
        await observer.UntilAsync("the observer has seen the end", seen => seen[^1] is null && seen.OfType<Leader>().LastOrDefault() == won[^1]);
        Assert.Equal(won, observer.Seen.OfType<Leader>());
        Assert.DoesNotContain(observer.Seen.Zip(observer.Seen.Skip(1)), pair => pair.First == pair.Second);
    }

    [ContractFact]
    public async Task Twenty_contenders_take_turns_a_hundred_times_each_or_for_as_long_as_the_budget_lasts()
    {
        var won = await TakeTurnsAsync(contenders: 20, turns: 100, budget: TimeSpan.FromSeconds(10));
        Assert.True(won.Count >= 100, $"only {won.Count} hand-overs");
        Assert.Equal(0, await CountStandingAsync());
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
        Assert.Null(await other.GetLeaderAsync(default));
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
        Assert.Null(await other.GetLeaderAsync(default));
        await using var second = await ElectedAsync(other);
        Assert.Equal("b", second.Leader.Value);
    }

    [ContractFact]
    public async Task A_candidate_takes_part_once_at_a_time()
    {
        var leading = NewCandidate("a");
        var waiting = NewCandidate("b");
        var leadership = await ElectedAsync(leading);
        await Assert.ThrowsAsync<InvalidOperationException>(() => leading.CampaignAsync(default));
        var campaign = waiting.CampaignAsync(default);
        await Assert.ThrowsAsync<InvalidOperationException>(() => waiting.TryCampaignAsync(default));
        await leadership.DisposeAsync();
        await (await campaign.WaitAsync(Deadline)).DisposeAsync();
        await using var again = await ElectedAsync(leading);
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
        Assert.Null(await NewCandidate("c").GetLeaderAsync(default));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => leading.CampaignAsync(default));
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

    /// <summary>Each contender leads so often, or until the budget is used up. Two at once fail the test, and so does a token that is not higher than all before it. Returns who led, in order.</summary>
    private async Task<IReadOnlyList<Leader>> TakeTurnsAsync(int contenders, int turns, TimeSpan budget)
    {
        var began = Stopwatch.GetTimestamp();
        var won = new List<Leader>(); // written by who leads: what two leaders at once would spoil
        var inside = 0;
        await Task.WhenAll(Enumerable.Range(0, contenders).Select(async number =>
        {
            var candidate = NewCandidate($"candidate-{number}");
            for (var turn = 0; turn < turns && Stopwatch.GetElapsedTime(began) < budget; turn++)
            {
                await using var leadership = await ElectedAsync(candidate);
                Assert.Equal(1, Interlocked.Increment(ref inside));
                won.Add(leadership.Leader);
                Assert.True(leadership.IsHeld);
                Assert.Equal(0, Interlocked.Decrement(ref inside));
            }
        }));

        Assert.Equal(won.OrderBy(leader => leader.FencingToken).Distinct(), won);
        return won;
    }
}

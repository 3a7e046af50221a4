using Conclave.Contract;
using static Conclave.Contract.Awaited;

namespace Conclave.Tests;

/// <summary>The contract of every election, within a process, and what only such an election can promise.</summary>
public sealed class InMemoryElectionTests : ElectionContract
{
    private readonly InMemoryElections _elections = new();

    protected override ILeaderElection NewCandidate(string value, TimeSpan ttl) => Own(_elections.Join(Election, value));

    protected override Task<int> CountStandingAsync() => Task.FromResult(_elections.ContestOf(Election).Count);

    [Fact]
    public async Task A_thousand_times_candidates_lead_in_the_order_of_standing_one_at_a_time_and_an_observer_sees_each_change_once()
    {
        await using var observer = new Observer(NewCandidate("observer"));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        var (inside, won) = (0, new List<Leader>());
        await Task.WhenAll(Enumerable.Range(0, 5).Select(number => Task.Run(async () =>
        {
            var candidate = NewCandidate($"candidate-{number}");
            for (var turn = 0; turn < 200; turn++)
            {
                await using var leadership = await candidate.CampaignAsync(default);
                Assert.Equal(1, Interlocked.Increment(ref inside));
                won.Add(leadership.Leader);
                Assert.Equal(0, Interlocked.Decrement(ref inside));
            }
        })));

        Assert.Equal(Enumerable.Range(1, 1000).Select(token => (long)token), won.Select(leader => leader.FencingToken.Value));
        await observer.UntilAsync("the observer has seen the end", seen => seen[^1] is null && seen.OfType<Leader>().LastOrDefault() == won[^1]);
        Assert.Equal(won, observer.Seen.OfType<Leader>());
        Assert.DoesNotContain(observer.Seen.Zip(observer.Seen.Skip(1)), pair => pair.First == pair.Second);
    }

    [Fact]
    public async Task Who_stood_first_leads_first()
    {
        var leadership = await ElectedAsync(NewCandidate("a"));
        var (second, third) = (NewCandidate("b").CampaignAsync(default), NewCandidate("c").CampaignAsync(default));
        await leadership.DisposeAsync();
        await using var next = await second.WaitAsync(Deadline);
        Assert.False(third.IsCompleted);
    }

    [Fact]
    public async Task A_leadership_has_no_lease_and_never_ends_by_itself()
    {
        await using var leadership = await ElectedAsync(NewCandidate("a"));
        Assert.Null(leadership.EndsAt);
        Assert.Null(leadership.LossReason);
    }

    [Fact]
    public async Task Elections_of_different_names_know_nothing_of_each_other()
    {
        Assert.NotNull(await _elections.Join("a", "x").TryCampaignAsync(default));
        Assert.NotNull(await _elections.Join("b", "x").TryCampaignAsync(default));
    }
}

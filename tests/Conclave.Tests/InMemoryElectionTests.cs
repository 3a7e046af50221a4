using System.Collections.Concurrent;
using Conclave.Tests.Hosting;

namespace Conclave.Tests;

public sealed class InMemoryElectionTests
{
    private readonly InMemoryElections _elections = new();

    [Fact]
    public async Task Resigning_hands_over_at_once_and_tokens_grow()
    {
        var first = await _elections.Join("jobs", "a").CampaignAsync(default);
        var waiting = _elections.Join("jobs", "b").CampaignAsync(default);
        Assert.False(waiting.IsCompleted);
        Assert.Equal(ResignResult.Released, await first.ResignAsync(default));
        var second = await waiting.WaitAsync(Until.Deadline);
        Assert.True(second.FencingToken > first.FencingToken);
        Assert.Equal(LossReason.Resigned, first.LossReason);
        Assert.Equal(new Leader("b", second.FencingToken), await _elections.Join("jobs", "c").GetLeaderAsync(default));
    }

    [Fact]
    public async Task Candidates_lead_in_the_order_of_standing_one_at_a_time_and_an_observer_sees_each_change_once()
    {
        using var stop = new CancellationTokenSource();
        var seen = new ConcurrentQueue<Leader?>();
        var observing = ObserveAsync(seen, stop.Token);
        await Until.HoldsAsync(() => seen.Count == 1);
        var (inside, won) = (0, new List<Leader>());
        await Task.WhenAll(Enumerable.Range(0, 5).Select(number => Task.Run(async () =>
        {
            var candidate = _elections.Join("jobs", $"candidate-{number}");
            for (var turn = 0; turn < 200; turn++)
            {
                await using var leadership = await candidate.CampaignAsync(default);
                Assert.Equal(1, Interlocked.Increment(ref inside));
                won.Add(leadership.Leader);
                Assert.Equal(0, Interlocked.Decrement(ref inside));
            }
        })));

        Assert.Equal(Enumerable.Range(1, 1000).Select(token => (long)token), won.Select(leader => leader.FencingToken.Value));
        await Until.HoldsAsync(() => seen.Count > 1000 && seen.Last() is null);
        await stop.CancelAsync();
        await observing;
        Assert.Equal(won, seen.OfType<Leader>());
        Assert.DoesNotContain(seen.Zip(seen.Skip(1)), pair => pair.First == pair.Second);
    }

    [Fact]
    public async Task A_cancelled_campaign_leaves_the_line()
    {
        var first = await _elections.Join("jobs", "a").CampaignAsync(default);
        using var withdraw = new CancellationTokenSource();
        var second = _elections.Join("jobs", "b");
        var waiting = second.CampaignAsync(withdraw.Token);
        await withdraw.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await first.DisposeAsync();
        Assert.Null(await second.GetLeaderAsync(default));
        Assert.NotNull(await second.TryCampaignAsync(default));
    }

    [Fact]
    public async Task A_try_leads_only_when_nobody_does()
    {
        var (first, second) = (_elections.Join("jobs", "a"), _elections.Join("jobs", "b"));
        var leadership = await first.TryCampaignAsync(default);
        Assert.Null(await second.TryCampaignAsync(default));
        await leadership!.DisposeAsync();
        Assert.Null(await second.GetLeaderAsync(default)); // the try left nothing behind
        Assert.NotNull(await second.TryCampaignAsync(default));
    }

    [Fact]
    public async Task A_candidate_takes_part_once()
    {
        var first = _elections.Join("jobs", "a");
        var second = _elections.Join("jobs", "b");
        var leadership = await first.CampaignAsync(default);
        await Assert.ThrowsAsync<InvalidOperationException>(() => first.CampaignAsync(default));
        var waiting = second.CampaignAsync(default);
        await Assert.ThrowsAsync<InvalidOperationException>(() => second.TryCampaignAsync(default));
        await leadership.DisposeAsync();
        await waiting.WaitAsync(Until.Deadline);
    }

    [Fact]
    public async Task Disposing_withdraws_and_resigns()
    {
        var first = _elections.Join("jobs", "a");
        var second = _elections.Join("jobs", "b");
        var leadership = await first.CampaignAsync(default);
        var waiting = second.CampaignAsync(default);
        await second.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await first.DisposeAsync();
        Assert.False(leadership.IsHeld);
        Assert.Null(await _elections.Join("jobs", "c").GetLeaderAsync(default));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => first.CampaignAsync(default));
    }

    [Fact]
    public async Task Elections_of_different_names_know_nothing_of_each_other()
    {
        Assert.NotNull(await _elections.Join("a", "x").TryCampaignAsync(default));
        Assert.NotNull(await _elections.Join("b", "x").TryCampaignAsync(default));
    }

    private async Task ObserveAsync(ConcurrentQueue<Leader?> seen, CancellationToken stop)
    {
        try
        {
            await foreach (var leader in _elections.Join("jobs", "observer").ObserveAsync(stop))
                seen.Enqueue(leader);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The only way to end it.
        }
    }
}

using Conclave.Contract;
using Conclave.Kubernetes.Tests.ApiServer;
using static Conclave.Contract.Awaited;

namespace Conclave.Kubernetes.Tests;

/// <summary>
/// Writes that arrive and whose answer does not, because the server does them and cuts the connection. Neither is anybody leader twice then, nor is the Lease held by one who does not know it:
/// the TTL is longer than a test waits for anything.
/// </summary>
public sealed class LostAnswerTests(KubernetesServer server) : IClassFixture<KubernetesServer>, IAsyncLifetime
{
    private readonly ElectionBench _bench = new(server, $"lost/e{Guid.NewGuid():n}");
    private int _lostBefore;

    public async Task InitializeAsync() => _lostBefore = await server.LostAsync();

    public async Task DisposeAsync()
    {
        server.LoseAnswers();
        await _bench.DisposeAsync();
    }

    [Fact]
    public async Task An_acquisition_leads_once_and_by_the_token_that_was_written()
    {
        await using var observer = new Observer(_bench.NewElection("observer"));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        server.LoseAnswers(Writes.Acquire);
        var leadership = await ElectedAsync(_bench.NewPatient("a"));
        Assert.Equal(1, await LostAsync());
        Assert.Equal(leadership.FencingToken.ToString(), await TokenAsync());
        Assert.Equal(1, (int)(await server.SpecAsync(_bench.Lease))["leaseTransitions"]!);

        Assert.Equal(ResignResult.Released, await leadership.ResignAsync(default));
        await observer.UntilAsync("the end is seen", seen => seen.Count > 1 && seen[^1] is null);
        Assert.Equal([null, leadership.Leader, null], observer.Seen);
    }

    [Fact]
    public async Task A_try_leads_by_the_acquisition_that_was_not_answered()
    {
        server.LoseAnswers(Writes.Acquire);
        await using var leadership = await _bench.NewPatient("a").TryCampaignAsync(default);
        Assert.NotNull(leadership);
        Assert.Equal(1, await LostAsync());
        Assert.Equal(leadership.FencingToken.ToString(), await TokenAsync());
    }

    [Fact]
    public async Task An_acquisition_that_nobody_waits_for_any_more_is_given_back()
    {
        using var withdraw = new CancellationTokenSource();
        server.LoseAnswers(Writes.Acquire, Writes.Renew);
        var campaign = _bench.NewPatient("a").CampaignAsync(withdraw.Token);
        await _bench.UntilHeldByAsync("a_");
        Assert.False(campaign.IsCompleted);

        await withdraw.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => campaign.WaitAsync(Deadline));
        Assert.Null(await _bench.HolderAsync());
    }

    [Fact]
    public async Task A_renewal_costs_nobody_the_leadership()
    {
        await using var leadership = await ElectedAsync(_bench.NewPatient("a"));
        server.LoseAnswers(Writes.Renew);
        await UntilAsync("a renewal was lost", async () => await LostAsync() > 0);
        server.LoseAnswers();
        var end = leadership.EndsAt;
        await UntilAsync("renewed", () => leadership.EndsAt > end);
        Assert.True(leadership.IsHeld);
        Assert.Equal(1, (int)(await server.SpecAsync(_bench.Lease))["leaseTransitions"]!);
    }

    [Fact]
    public async Task Who_resigns_after_a_renewal_gives_back_what_that_renewal_wrote()
    {
        var leadership = await ElectedAsync(_bench.NewPatient("a"));
        server.LoseAnswers(Writes.Renew);
        await UntilAsync("a renewal was lost", async () => await LostAsync() > 0);
        Assert.Equal(ResignResult.Released, await leadership.ResignAsync(default).WaitAsync(Deadline));
        Assert.Null(await _bench.HolderAsync());
    }

    [Fact]
    public async Task A_release_that_is_repeated_leaves_the_next_holder_alone()
    {
        var first = await ElectedAsync(_bench.NewPatient("a"));
        var waiting = _bench.NewPatient("b").CampaignAsync(default);
        server.LoseAnswers(Writes.Release);
        Assert.Equal(ResignResult.Released, await first.ResignAsync(default).WaitAsync(Deadline));
        Assert.Equal(1, await LostAsync());

        var second = await waiting.WaitAsync(Deadline);
        Assert.Equal("b", second.Leader.Value);
        Assert.True(second.FencingToken > first.FencingToken);
        server.LoseAnswers();
        Assert.True(second.IsHeld);
        await _bench.UntilHeldByAsync("b_");
    }

    private async Task<int> LostAsync() => await server.LostAsync() - _lostBefore;

    private async Task<string> TokenAsync() => (string)(await server.GetAsync(_bench.Lease))!["metadata"]!["annotations"]!["election.conclave/token"]!;
}

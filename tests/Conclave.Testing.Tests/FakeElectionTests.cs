namespace Conclave.Testing.Tests;

public sealed class FakeElectionTests : IAsyncDisposable
{
    private static readonly TimeSpan Ttl = TimeSpan.FromSeconds(5);

    private readonly FakeElection _election = new("jobs");

    public ValueTask DisposeAsync() => _election.DisposeAsync();

    [Fact]
    public async Task Elect_elects_the_campaign_under_way_or_the_next_one()
    {
        var campaign = _election.CampaignAsync(default);
        Assert.True(_election.IsCampaigning);
        Assert.False(campaign.IsCompleted);
        Assert.Same(await _election.Elect(), await campaign);
        Assert.False(_election.IsCampaigning);
        await (await campaign).DisposeAsync();

        var elected = _election.Elect();
        Assert.False(elected.IsCompleted);
        var again = await _election.CampaignAsync(default);
        Assert.Same(again, await elected);
        Assert.Equal(2, again.FencingToken.Value);
    }

    [Fact]
    public async Task The_lease_is_renewed_while_time_goes_on()
    {
        var leadership = await WinAsync();
        _election.Time.Advance(TimeSpan.FromHours(1));
        Assert.True(leadership.IsHeld);
        Assert.Equal(leadership.Leader, await _election.GetLeaderAsync(default));
    }

    [Fact]
    public async Task Lose_takes_the_leadership_with_its_reason_and_nobody_leads()
    {
        var leadership = await WinAsync();
        Assert.True(_election.Lose(LossReason.LeaseRefused));
        Assert.Equal(LossReason.LeaseRefused, leadership.LossReason);
        Assert.True(leadership.Lost.IsCancellationRequested);
        Assert.Null(await _election.GetLeaderAsync(default));
        Assert.False(_election.Lose());
        Assert.Equal(0, _election.Time.PendingTimers);
    }

    [Fact]
    public async Task A_holder_paused_past_its_lease_finds_a_successor_with_a_higher_token()
    {
        var leadership = await WinAsync();
        var successor = _election.PauseHolder(Ttl);
        Assert.Equal(new Leader(FakeElection.Successor, new FencingToken(leadership.FencingToken.Value + 1)), successor);
        Assert.False(leadership.Lost.IsCancellationRequested); // its timers have not run yet
        Assert.Throws<LeadershipLostException>(leadership.ThrowIfLost);
        Assert.Equal(LossReason.LeaseEnded, leadership.LossReason);
        await leadership.DisposeAsync();
        Assert.Equal(successor, await _election.GetLeaderAsync(default)); // a resignation that comes late removes nobody else
    }

    [Fact]
    public async Task After_a_pause_Lost_fires_when_timers_run_again()
    {
        var leadership = await WinAsync();
        _election.PauseHolder(Ttl);
        _election.Time.Advance(LeaseTimer.LongestSleep);
        Assert.True(leadership.Lost.IsCancellationRequested);
    }

    [Fact]
    public async Task A_pause_that_the_lease_outlasts_costs_nothing()
    {
        var leadership = await WinAsync();
        Assert.Null(_election.PauseHolder(TimeSpan.FromSeconds(1)));
        _election.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(leadership.IsHeld);
    }

    [Fact]
    public async Task One_lost_renewal_is_survived_and_three_are_not()
    {
        var leadership = await WinAsync();
        _election.LoseReply();
        _election.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(leadership.IsHeld);

        _election.LoseReply(3);
        _election.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(LossReason.LeaseEnded, leadership.LossReason);
        Assert.Null(await _election.GetLeaderAsync(default)); // the server's lease ended too, later
    }

    [Fact]
    public async Task A_resignation_without_answer_is_unknown_and_the_lease_stands_until_its_end()
    {
        var leadership = await WinAsync();
        _election.LoseReply();
        Assert.Equal(ResignResult.Unknown, await leadership.ResignAsync(default));
        Assert.False(leadership.IsHeld);
        _election.Time.Advance(Ttl - TimeSpan.FromSeconds(1));
        Assert.Equal(leadership.Leader, await _election.GetLeaderAsync(default));
        _election.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Null(await _election.GetLeaderAsync(default));
    }

    [Fact]
    public async Task Questions_without_answer_are_unavailable()
    {
        _election.LoseReply(2);
        await Assert.ThrowsAsync<ElectionUnavailableException>(() => _election.GetLeaderAsync(default));
        await Assert.ThrowsAsync<ElectionUnavailableException>(() => _election.TryCampaignAsync(default));
        await using var leadership = await _election.TryCampaignAsync(default);
        Assert.NotNull(leadership);
    }

    [Fact]
    public async Task Somebody_else_can_be_elected_and_a_try_then_fails()
    {
        var leadership = await WinAsync();
        var other = _election.Elect("other");
        Assert.Equal(LossReason.Removed, leadership.LossReason);
        Assert.Equal(2, other.FencingToken.Value);
        Assert.Null(await _election.TryCampaignAsync(default));
    }

    [Fact]
    public async Task A_cancelled_campaign_is_withdrawn()
    {
        using var withdraw = new CancellationTokenSource();
        var campaign = _election.CampaignAsync(withdraw.Token);
        await withdraw.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => campaign);
        Assert.False(_election.IsCampaigning);
        Assert.Null(await _election.GetLeaderAsync(default));
    }

    [Fact]
    public async Task An_observer_sees_every_change()
    {
        using var stop = new CancellationTokenSource();
        await using var seen = _election.ObserveAsync(stop.Token).GetAsyncEnumerator();
        Assert.Null(await NextAsync());
        var leadership = await WinAsync();
        _election.PauseHolder(Ttl);
        _election.Elect("third");
        Assert.Equal(leadership.Leader, await NextAsync());
        Assert.Equal(FakeElection.Successor, (await NextAsync())!.Value);
        Assert.Equal("third", (await NextAsync())!.Value);

        async Task<Leader?> NextAsync()
        {
            Assert.True(await seen.MoveNextAsync());
            return seen.Current;
        }
    }

    [Fact]
    public async Task A_leader_service_runs_without_a_host()
    {
        var leadership = await WinAsync();
        var service = new Recorder();
        await service.RunAsync(leadership, default);
        Assert.Same(leadership, service.Ambient);
    }

    private Task<Leadership> WinAsync()
    {
        _ = _election.Elect();
        return _election.CampaignAsync(default);
    }

    private sealed class Recorder : LeaderBackgroundService
    {
        public Leadership? Ambient { get; private set; }

        protected override Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            Ambient = AmbientLeadership.Current;
            return Task.CompletedTask;
        }
    }
}

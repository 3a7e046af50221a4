using System.Diagnostics;
using Conclave.Contract;
using static Conclave.Contract.Awaited;
using static Conclave.ZooKeeper.Tests.ElectionBench;

namespace Conclave.ZooKeeper.Tests;

/// <summary>What the contract does not ask, when the server hangs or restarts, or the network in front of it fails. Every test has a server of its own.</summary>
public sealed class FaultTests : IAsyncLifetime
{
    private readonly ZooKeeperServer _server = new();
    private readonly ElectionBench _bench;
    private readonly Lazy<Relay> _relay;

    public FaultTests()
    {
        _bench = new ElectionBench(_server, "billing/dialer");
        _relay = new Lazy<Relay>(() => new Relay(_server.EndPoint));
    }

    public Task InitializeAsync() => _server.InitializeAsync();

    public async Task DisposeAsync()
    {
        await _bench.DisposeAsync();
        if (_relay.IsValueCreated)
            await _relay.Value.DisposeAsync();
        await _server.DisposeAsync();
    }

    [ZooKeeperFact]
    public async Task With_a_hung_server_Lost_fires_by_our_own_clock_after_two_thirds_of_the_session()
    {
        var leadership = await ElectedAsync(_bench.NewCandidate("a", Short));
        _server.Signal(Signal.Stop);
        var hung = Instant.Now(BootTime.Provider);
        try
        {
            // The last renewal may have been sent just before, so the lease may run its whole length from here, and no longer; or it was due. Read from our clock: when a callback gets to run is the machine's affair.
            await LostAsync(leadership);
            Assert.InRange(leadership.EndsAt!.Value - hung, -Short, Short * 2 / 3);
            Assert.Equal(LossReason.LeaseEnded, leadership.LossReason);
        }
        finally
        {
            _server.Signal(Signal.Continue);
        }

        await leadership.ResignAsync(default);
        await _bench.UntilStandAsync(0);
    }

    [ZooKeeperFact]
    public async Task A_resignation_that_a_hung_server_does_not_answer_is_unknown_and_is_carried_out_when_it_wakes()
    {
        var leadership = await ElectedAsync(_bench.NewCandidate("a"));
        _server.Signal(Signal.Stop);
        Assert.Equal(ResignResult.Unknown, await leadership.ResignAsync(default).WaitAsync(Deadline));
        Assert.False(leadership.IsHeld);

        // Long before the session, which lasts, could end.
        var woken = Stopwatch.GetTimestamp();
        _server.Signal(Signal.Continue);
        await _bench.UntilStandAsync(0);
        Assert.True(Stopwatch.GetElapsedTime(woken) < Long / 2);
    }

    [ZooKeeperFact]
    public async Task A_server_that_restarts_within_the_session_costs_nobody_the_leadership_or_the_place_in_the_line()
    {
        await using var leadership = await ElectedAsync(_bench.NewCandidate("a"));
        var waiting = _bench.NewCandidate("b").CampaignAsync(default);
        await _bench.UntilStandAsync(2);
        var before = await _bench.StandingAsync();

        await _server.KillAsync();
        await _server.StartAsync();

        Assert.Equal(before, await _bench.StandingAsync());
        Assert.True(leadership.IsHeld);
        await leadership.DisposeAsync();
        await using var next = await waiting.WaitAsync(Deadline);
        Assert.True(next.FencingToken > leadership.FencingToken);
    }

    [ZooKeeperFact]
    public async Task An_observer_misses_nothing_while_the_server_is_away()
    {
        await using var observer = new Observer(_bench.NewCandidate("observer"));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        var first = await ElectedAsync(_bench.NewCandidate("a"));
        var waiting = _bench.NewCandidate("b").CampaignAsync(default);
        await observer.UntilAsync("the leader is seen", seen => seen.Count == 2);
        await _bench.UntilStandAsync(2);

        await _server.KillAsync();
        await _server.StartAsync();
        await first.DisposeAsync();
        var second = await waiting.WaitAsync(Deadline);
        await observer.UntilAsync("the next leader is seen", seen => seen.Count == 3); // ZooKeeper could not tell of one who is gone by then
        await second.DisposeAsync();
        await observer.UntilAsync("the end is seen", seen => seen[^1] is null);

        Assert.Equal([null, first.Leader, second.Leader, null], observer.Seen);
    }

    [ZooKeeperFact]
    public async Task An_observer_that_was_cut_off_while_leaders_came_and_went_says_so_and_a_new_one_starts_afresh()
    {
        var election = _bench.NewCandidate("observer", through: _relay.Value.Address);
        await using (var observer = new Observer(election))
        {
            await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
            _relay.Value.Close();
            await (await ElectedAsync(_bench.NewCandidate("a"))).DisposeAsync();
            await using var leadership = await ElectedAsync(_bench.NewCandidate("b"));
            _relay.Value.Open();
            await Assert.ThrowsAsync<ElectionHistoryLostException>(() => observer.UntilAsync("history is lost", _ => false));

            await using var afresh = new Observer(election);
            await afresh.UntilAsync("the leader is seen", seen => seen.Count == 1);
            Assert.Equal([leadership.Leader], afresh.Seen);
        }
    }

    [ZooKeeperFact]
    public async Task What_happened_while_the_connection_was_away_is_learned_when_the_watches_are_set_again()
    {
        var first = await ElectedAsync(_bench.NewCandidate("a"));
        var waiting = _bench.NewCandidate("b", through: _relay.Value.Address).CampaignAsync(default);
        await _bench.UntilStandAsync(2);

        _relay.Value.Close();
        await first.DisposeAsync();
        await _bench.UntilStandAsync(1);
        Assert.False(waiting.IsCompleted);
        _relay.Value.Open();
        await using var second = await waiting.WaitAsync(Deadline);
        Assert.Equal("b", second.Leader.Value);
    }

    [ZooKeeperFact]
    public async Task A_node_whose_creation_was_not_answered_is_found_again_and_not_made_twice()
    {
        var candidate = _bench.NewCandidate("a", through: _relay.Value.Address);
        await (await ElectedAsync(candidate)).DisposeAsync(); // there is a session and a path now

        _relay.Value.SwallowsAnswers = true;
        var campaign = candidate.CampaignAsync(default);
        await _bench.UntilStandAsync(1);
        var made = await _bench.StandingAsync();
        _relay.Value.Cut();
        _relay.Value.SwallowsAnswers = false;

        await using var leadership = await campaign.WaitAsync(Deadline);
        Assert.Equal(made, await _bench.StandingAsync());
    }

    [ZooKeeperFact]
    public async Task A_leader_cut_off_past_its_session_has_lost_before_the_next_leads_and_stands_again_with_a_new_node()
    {
        var candidate = _bench.NewCandidate("a", Short, _relay.Value.Address);
        var first = await ElectedAsync(candidate);
        var old = Assert.Single(await _bench.StandingAsync());
        var waiting = _bench.NewCandidate("b").CampaignAsync(default);
        await _bench.UntilStandAsync(2);

        _relay.Value.Close();
        var second = await waiting.WaitAsync(Deadline);
        Assert.False(first.IsHeld);
        Assert.Equal(LossReason.LeaseEnded, first.LossReason);

        _relay.Value.Open();
        var again = candidate.CampaignAsync(default);
        await _bench.UntilStandAsync(2);
        Assert.DoesNotContain(old, await _bench.StandingAsync());
        Assert.False(again.IsCompleted);
        await second.DisposeAsync();
        await using var third = await again.WaitAsync(Deadline);
        Assert.True(third.FencingToken > second.FencingToken && second.FencingToken > first.FencingToken);
    }

    [ZooKeeperFact]
    public async Task A_session_that_ended_while_nobody_looked_is_refused_and_its_waiting_candidate_stands_again()
    {
        var first = await ElectedAsync(_bench.NewCandidate("a"));
        var waiting = _bench.NewCandidate("b", Short, _relay.Value.Address).CampaignAsync(default);
        await _bench.UntilStandAsync(2);
        var old = (await _bench.StandingAsync())[1];

        _relay.Value.Close();
        await _bench.UntilStandAsync(1);
        _relay.Value.Open();
        await _bench.UntilStandAsync(2);
        Assert.NotEqual(old, (await _bench.StandingAsync())[1]);
        await first.DisposeAsync();
        await using var second = await waiting.WaitAsync(Deadline);
        Assert.Equal("b", second.Leader.Value);
    }
}

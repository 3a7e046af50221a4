using Conclave.Contract;
using static Conclave.Contract.Awaited;
using static Conclave.Peers.Tests.TestPeers;

namespace Conclave.Peers.Tests;

/// <summary>What the contract asks of slow and silent connections to a server, asked of those between a leader's member and the others.</summary>
public sealed class LinkTests : IAsyncLifetime
{
    private const string Election = "billing/dialer";

    private readonly TestPeers _peers = Three();
    private PeerGroup _slow = null!;
    private PeerGroup _other = null!;

    /// <summary>The first is behind relays and coordinates nothing, so each renewal of its leaderships has to cross them.</summary>
    public async Task InitializeAsync()
    {
        _peers.PutBehindRelays(0);
        _peers.Member(2);
        _other = await _peers.JoinAsync(1);
        _slow = await _peers.JoinAsFollowerAsync(0);
    }

    public async Task DisposeAsync() => await _peers.DisposeAsync();

    [Fact]
    public async Task Links_held_past_a_renewal_but_not_past_the_lease_cost_nobody_the_leadership()
    {
        var lease = new LeaseOptions { Ttl = TimeSpan.FromSeconds(9) };
        var renewal = lease.Ttl / lease.RenewalsPerTtl;
        await using var leadership = await ElectedAsync(_slow.Election(Election, "a", lease));
        await using var candidate = _other.Election(Election, "b", lease);
        var waiting = candidate.CampaignAsync(default);
        for (var stall = 0; stall < 2; stall++)
        {
            // From a renewal on, past the one that is due next. The time is the fault itself, links silent for so long, and not waiting for something.
            await RenewedAsync(leadership);
            _peers.Hold();
            var held = leadership.EndsAt;
            await Task.Delay(renewal * 1.2);
            Assert.Equal(held, leadership.EndsAt);
            _peers.Release();
        }

        await RenewedAsync(leadership);
        Assert.True(leadership.IsHeld);
        Assert.False(waiting.IsCompleted);
        await leadership.DisposeAsync();
        await using var next = await waiting.WaitAsync(Deadline);
        Assert.True(next.FencingToken > leadership.FencingToken);
    }

    [Fact]
    public async Task Links_slower_than_the_lease_end_the_leadership_before_the_next_and_late_answers_do_not_bring_it_back()
    {
        var lease = new LeaseOptions { Ttl = TimeSpan.FromSeconds(2) };
        await using var candidate = _slow.Election(Election, "a", lease);
        var first = await ElectedAsync(candidate);
        await using var other = _other.Election(Election, "b", Patient);
        var waiting = other.CampaignAsync(default);

        // There and back takes longer than the lease; there alone does not, so what is sent is still done.
        _peers.Delay(lease.Ttl * 0.6);
        var second = await waiting.WaitAsync(Deadline);
        Assert.False(first.IsHeld);
        Assert.Equal(LossReason.LeaseEnded, first.LossReason);

        _peers.Delay(TimeSpan.Zero);
        var again = candidate.CampaignAsync(default);
        await UntilAsync("its member sees the other lead", async () => (await _slow.Election(Election, "c", lease).GetLeaderAsync(default))?.FencingToken == second.FencingToken);
        Assert.False(first.IsHeld);
        Assert.True(second.IsHeld);
        Assert.False(again.IsCompleted);
        await second.DisposeAsync();
        await using var third = await again.WaitAsync(Deadline);
        Assert.True(third.FencingToken > second.FencingToken && second.FencingToken > first.FencingToken);
    }

    [Fact]
    public async Task Links_that_take_everything_and_bring_no_answer_are_unavailable_within_a_bound_and_of_use_when_they_do()
    {
        await using var candidate = _slow.Election(Election);
        _peers.Hold();
        await Assert.ThrowsAsync<ElectionUnavailableException>(() => candidate.TryCampaignAsync(default).WaitAsync(Deadline));
        _peers.Release();
        await using var leadership = await ElectedAsync(candidate);
        Assert.True(leadership.IsHeld);
    }

    private static TestPeers Three() => new(3);
}

using System.Diagnostics;
using Conclave.Contract;
using static Conclave.Contract.Awaited;
using static Conclave.Peers.Tests.TestPeers;

namespace Conclave.Peers.Tests;

/// <summary>What befalls members, in real processes: killed, stopped, cut off, all restarted.</summary>
public sealed class FaultTests
{
    private const string Election = "billing/dialer";

    [Fact]
    public async Task A_killed_leader_is_followed_and_the_woken_one_of_before_is_refused_at_the_gate()
    {
        await using var peers = new TestPeers(3);
        var group = await peers.JoinAsync(0);
        using var gate = new FencingGate(new FileFencingStore(peers.GateFile));
        var (first, second) = (peers.Candidate(1, Election), peers.Member(2));
        var old = Token(await first.LineAsync("elected"));
        await first.LineAsync("Admitted");
        first.Signal(Signal.Stop);

        await using var candidate = group.Election(Election, "m0", Patient);
        await using var next = await ElectedAsync(candidate);
        Assert.True(next.FencingToken > old);
        Assert.IsType<FencingVerdict.Admitted>(await gate.CheckAsync(next.FencingToken, default));
        first.Signal(Signal.Continue);
        await first.LineAsync("Refused");
        await first.LineAsync("lost");
        Assert.True(next.IsHeld);

        // And the successor survives whoever else goes, as long as a majority is left.
        second.Signal(Signal.Kill);
        await second.ExitAsync();
        await next.DisposeAsync();
        Assert.Null(await candidate.GetLeaderAsync(default));
    }

    [Fact]
    public async Task The_death_of_the_coordinator_costs_the_leader_nothing()
    {
        await using var peers = new TestPeers(3);
        var members = new Dictionary<string, RunningProcess> { ["m1"] = peers.Member(1), ["m2"] = peers.Member(2) };
        foreach (var member in members.Values)
            await member.LineAsync("started");

        var other = await peers.JoinAsFollowerAsync(0);
        await using var leadership = await ElectedAsync(other.Election(Election, "m0", Patient));
        var coordinator = "";
        await UntilAsync("another member coordinates", () => members.ContainsKey(coordinator = other.Coordinator ?? ""));
        members[coordinator].Signal(Signal.Kill);
        await UntilAsync("another coordinates", () => Task.FromResult(other.Coordinator is { } now && now != coordinator));
        Assert.Equal(leadership.Leader, await other.Election(Election).GetLeaderAsync(default));

        // Renewed by the new coordinator, too.
        var endsAt = leadership.EndsAt;
        await UntilAsync("the lease is renewed", () => Task.FromResult(leadership.EndsAt > endsAt));
        Assert.True(leadership.IsHeld);
    }

    [Fact]
    public async Task Without_a_majority_nobody_leads_a_try_says_so_and_a_campaign_waits_until_there_is_one()
    {
        await using var peers = new TestPeers(3);
        var group = await peers.JoinAsync(0);
        var candidate = group.Election(Election);
        var unavailable = await Assert.ThrowsAsync<ElectionUnavailableException>(() => candidate.TryCampaignAsync(default));
        Assert.Contains("no majority of the 3 members", unavailable.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ElectionUnavailableException>(() => candidate.GetLeaderAsync(default));
        var campaign = candidate.CampaignAsync(default);
        var (one, two) = (peers.Member(1), peers.Member(2));
        var leadership = await campaign.WaitAsync(Deadline);

        one.Signal(Signal.Kill);
        two.Signal(Signal.Kill);
        await LostAsync(leadership);
        Assert.Equal(LossReason.LeaseEnded, leadership.LossReason);
    }

    [Fact]
    public async Task A_leader_that_is_cut_off_has_lost_before_the_next_is_elected_and_comes_back_as_a_candidate()
    {
        await using var peers = new TestPeers(3);
        peers.PutBehindRelays(0);
        var group = await peers.JoinAsync(0);
        using var gate = new FencingGate(new FileFencingStore(peers.GateFile));
        var member = peers.Member(1);
        await using var candidate = group.Election(Election);
        var leadership = await ElectedAsync(candidate);
        Assert.IsType<FencingVerdict.Admitted>(await gate.CheckAsync(leadership.FencingToken, default));
        var other = peers.Candidate(2, Election, ttl: TimeSpan.FromSeconds(6));
        await other.LineAsync("campaigning");

        peers.CutOff();
        var next = Token(await other.LineAsync("elected"));
        Assert.False(leadership.IsHeld); // by our clock, not by when a callback gets to run on a busy machine
        await LostAsync(leadership);
        Assert.True(next > leadership.FencingToken);

        peers.Reconnect();
        Assert.Equal(next, (await UntilLeaderAsync(candidate)).FencingToken);
        var waiting = candidate.CampaignAsync(default);
        other.Signal(Signal.Kill);
        await using var again = await waiting.WaitAsync(Deadline);
        Assert.True(again.FencingToken > next);
        Assert.False(member.HasExited);
    }

    [Fact]
    public async Task Tokens_grow_over_a_restart_of_all_from_disk()
    {
        await using var peers = new TestPeers(3);
        var last = default(FencingToken);
        for (var life = 0; life < 3; life++)
        {
            RunningProcess[] members = [peers.Candidate(0, Election), peers.Member(1), peers.Member(2)];
            var token = Token(await members[0].LineAsync("elected"));
            Assert.True(token > last, $"{token} in life {life} is not above {last}");
            last = token;
            foreach (var member in members)
                member.Signal(Signal.Kill);
            foreach (var member in members)
                await member.ExitAsync();
        }
    }

    [Fact]
    public async Task A_member_that_restarts_does_not_wait_for_the_lease_of_its_former_life()
    {
        await using var peers = new TestPeers(3);
        var lease = TimeSpan.FromMinutes(5);
        var (one, two) = (peers.Member(1), peers.Member(2));
        var first = peers.Candidate(0, Election, ttl: lease);
        var token = Token(await first.LineAsync("elected"));
        first.Signal(Signal.Kill);
        await first.ExitAsync();
        var second = peers.Candidate(0, Election, ttl: lease);
        Assert.True(Token(await second.LineAsync("elected")) > token);
        Assert.False(one.HasExited || two.HasExited);
    }

    [Fact]
    public async Task A_member_that_leaves_in_good_order_hands_over_at_once()
    {
        await using var peers = new TestPeers(3);
        var (stays, leaves) = (await peers.JoinAsync(0), await peers.JoinAsync(1));
        _ = peers.Member(2);
        var leadership = await ElectedAsync(leaves.Election(Election, "leaves", new LeaseOptions { Ttl = TimeSpan.FromMinutes(5) }));
        var waiting = stays.Election(Election).CampaignAsync(default);
        await leaves.DisposeAsync();
        Assert.False(leadership.IsHeld);
        await using var next = await waiting.WaitAsync(Deadline);
        Assert.True(next.FencingToken > leadership.FencingToken);
    }

    [Fact]
    public async Task An_observer_at_another_member_sees_every_leader_while_its_own_is_cut_off()
    {
        await using var peers = new TestPeers(3);
        peers.PutBehindRelays(0);
        var (cut, leads) = (await peers.JoinAsync(0), await peers.JoinAsync(1));
        _ = peers.Member(2);
        await using var observer = new Observer(cut.Election(Election));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        peers.CutOff();
        var won = new List<Leader?> { null };
        var candidate = leads.Election(Election, "m1", Patient);
        for (var turn = 0; turn < 5; turn++)
        {
            await using var leadership = await ElectedAsync(candidate);
            won.AddRange([leadership.Leader, null]);
        }

        peers.Reconnect();
        await observer.UntilAsync("the observer has seen the end", seen => seen.Count == won.Count);
        Assert.Equal(won, observer.Seen);
    }

    internal static FencingToken Token(string line)
    {
        Assert.True(FencingToken.TryParse(line.Split(' ')[1], out var token), line);
        return token;
    }

    private static async Task<Leader> UntilLeaderAsync(PeerElection election)
    {
        Leader? leader = null;
        await UntilAsync("a leader is known", async () =>
        {
            try
            {
                leader = await election.GetLeaderAsync(default);
            }
            catch (ElectionUnavailableException)
            {
                // Cut off still.
            }

            return leader is not null;
        });
        return leader!;
    }
}

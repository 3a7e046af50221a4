using Conclave.Contract;
using static Conclave.Contract.Awaited;
using static Conclave.ZooKeeper.Tests.ElectionBench;

namespace Conclave.ZooKeeper.Tests;

/// <summary>kazoo's own recipe and ours in one election: who leads keeps a file that must not exist before.</summary>
public sealed class KazooTests(ZooKeeperServer server) : IClassFixture<ZooKeeperServer>, IAsyncLifetime
{
    private readonly ElectionBench _bench = new(server, $"shared/{Guid.NewGuid():n}");

    private string LeadersFile => Path.Combine(server.Folder, _bench.Election.Replace('/', '-'));

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _bench.DisposeAsync();

    [KazooFact]
    public async Task Kazoo_waits_for_ours_and_ours_for_kazoo()
    {
        var ours = await ElectedAsync(_bench.NewCandidate("ours"));
        using var kazoo = NewContender(Long);
        await _bench.UntilStandAsync(2);
        Assert.DoesNotContain("elected", kazoo.Output, StringComparison.Ordinal);

        await ours.DisposeAsync();
        await kazoo.LineAsync("elected");
        var candidate = _bench.NewCandidate("ours again");
        Assert.Equal("kazoo", (await candidate.GetLeaderAsync(default))!.Value);
        var waiting = candidate.CampaignAsync(default);
        await _bench.UntilStandAsync(2);
        Assert.False(waiting.IsCompleted);

        kazoo.Signal(Signal.Interrupt); // kazoo resigns
        await using var again = await waiting.WaitAsync(Deadline);
        Assert.True(again.FencingToken > ours.FencingToken);
        await kazoo.LineAsync("resigned");
    }

    [KazooFact]
    public async Task A_killed_kazoo_is_followed_by_ours_when_its_session_ends()
    {
        using var kazoo = NewContender(Short);
        await kazoo.LineAsync("elected");
        var waiting = _bench.NewCandidate("ours").CampaignAsync(default);
        await _bench.UntilStandAsync(2);
        kazoo.Signal(Signal.Kill);
        await using var ours = await waiting.WaitAsync(Deadline);
        Assert.Equal("ours", ours.Leader.Value);
    }

    [KazooFact]
    public async Task A_stopped_kazoo_is_followed_by_ours_and_learns_so_when_it_wakes_up()
    {
        using var kazoo = NewContender(Short);
        await kazoo.LineAsync("elected");
        await using var waiting = _bench.NewCandidate("ours");
        var campaign = waiting.CampaignAsync(default);
        await _bench.UntilStandAsync(2);
        kazoo.Signal(Signal.Stop);
        await using var ours = await campaign.WaitAsync(Deadline);
        kazoo.Signal(Signal.Continue);
        await kazoo.LineAsync("LOST");
        Assert.True(ours.IsHeld);
    }

    [KazooFact]
    public async Task A_kazoo_cut_off_by_the_network_is_followed_by_ours_and_learns_so_when_it_is_back()
    {
        var network = _bench.Own(new Relay(server.EndPoint));
        using var kazoo = NewContender(Short, through: network.Address);
        await kazoo.LineAsync("elected");
        var waiting = _bench.NewCandidate("ours").CampaignAsync(default);
        await _bench.UntilStandAsync(2);
        network.Close();
        await using var ours = await waiting.WaitAsync(Deadline);
        await kazoo.LineAsync("SUSPENDED");
        network.Open();
        await kazoo.LineAsync("LOST");
        Assert.True(ours.IsHeld);
    }

    [KazooFact]
    public async Task Ours_cut_off_by_the_network_has_lost_before_kazoo_leads()
    {
        var network = _bench.Own(new Relay(server.EndPoint));
        var ours = await ElectedAsync(_bench.NewCandidate("ours", Short, network.Address));
        using var kazoo = NewContender(Long);
        await _bench.UntilStandAsync(2);
        network.Close();
        await kazoo.LineAsync("elected");
        Assert.False(ours.IsHeld);
        Assert.Equal(LossReason.LeaseEnded, ours.LossReason);
    }

    [KazooFact]
    public async Task A_killed_process_of_ours_is_followed_by_kazoo()
    {
        using var child = _bench.NewChild(Short);
        await child.LineAsync("elected");
        using var kazoo = NewContender(Long);
        await _bench.UntilStandAsync(2);
        child.Signal(Signal.Kill);
        await kazoo.LineAsync("elected");
    }

    [KazooFact]
    public async Task Two_kazoos_and_two_of_ours_take_turns_and_never_lead_together()
    {
        const int Turns = 10;
        await using var observer = new Observer(_bench.NewCandidate("observer"));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        RunningProcess[] kazoos = [NewContender(Long, Turns), NewContender(Long, Turns)];
        try
        {
            var tokens = new List<FencingToken>();
            await Task.WhenAll(Enumerable.Range(0, 2).Select(async number =>
            {
                var candidate = _bench.NewCandidate($"ours-{number}");
                for (var turn = 0; turn < Turns; turn++)
                {
                    await using var leadership = await ElectedAsync(candidate);
                    await using (new FileStream(LeadersFile, FileMode.CreateNew))
                        tokens.Add(leadership.FencingToken);
                    File.Delete(LeadersFile);
                }
            }));

            Assert.Equal(tokens.Order().Distinct(), tokens);
            foreach (var kazoo in kazoos)
            {
                await kazoo.LineAsync("done");
                Assert.DoesNotContain("OVERLAP", kazoo.Output, StringComparison.Ordinal);
            }

            await observer.UntilAsync("every leader is seen", seen => seen[^1] is null && seen.OfType<Leader>().Count() == 4 * Turns);
        }
        finally
        {
            foreach (var kazoo in kazoos)
                kazoo.Dispose();
        }
    }

    private RunningProcess NewContender(TimeSpan session, int turns = 0, string? through = null) => new("/usr/bin/python3",
    [
        Path.Combine(AppContext.BaseDirectory, "contender.py"), through ?? server.Address, "/" + _bench.Election, $"{session.TotalSeconds}", LeadersFile, $"{turns}",
    ], server.Folder);
}

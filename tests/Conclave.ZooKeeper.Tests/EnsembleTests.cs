using Conclave.Contract;
using static Conclave.Contract.Awaited;

namespace Conclave.ZooKeeper.Tests;

/// <summary>Three servers, of which two suffice.</summary>
public sealed class EnsembleTests : IAsyncLifetime
{
    private readonly IReadOnlyList<ZooKeeperServer> _servers = ZooKeeperServer.NewEnsemble(3);

    public async Task InitializeAsync()
    {
        if (ZooKeeperServer.Missing is not null)
            return;
        foreach (var server in _servers)
            server.Launch();
        foreach (var server in _servers)
            await UntilAsync($"{server.Address} serves", server.ServesAsync);
    }

    public async Task DisposeAsync()
    {
        foreach (var server in _servers)
            await server.DisposeAsync();
    }

    [ZooKeeperFact]
    public async Task Servers_that_are_killed_one_after_the_other_cost_neither_the_leadership_nor_the_line()
    {
        await using var client = NewClient();
        await using var election = new ZooKeeperElection(client, "billing/dialer", new ZooKeeperElectionOptions { Value = "a" });
        await using var other = NewClient();
        await using var waitingElection = new ZooKeeperElection(other, "billing/dialer", new ZooKeeperElectionOptions { Value = "b" });
        var leadership = await ElectedAsync(election);
        var waiting = waitingElection.CampaignAsync(default);
        await using var observer = new Observer(waitingElection);
        await observer.UntilAsync("the leader is seen", seen => seen.Count == 1);

        foreach (var server in _servers)
        {
            await server.KillAsync();
            Assert.Equal(leadership.Leader, await UntilAnsweredAsync(waitingElection));
            server.Launch();
            await UntilAsync($"{server.Address} serves", server.ServesAsync);
        }

        Assert.True(leadership.IsHeld);
        Assert.False(waiting.IsCompleted);
        await leadership.DisposeAsync();
        await using var next = await waiting.WaitAsync(Deadline);
        Assert.True(next.FencingToken > leadership.FencingToken);
        await observer.UntilAsync("the next leader is seen", seen => seen.Count == 2);
        Assert.Equal([leadership.Leader, next.Leader], observer.Seen);
    }

    [ZooKeeperFact]
    public async Task A_hung_server_is_left_for_another_within_the_session()
    {
        await using var client = NewClient();
        await using var election = new ZooKeeperElection(client, "billing/dialer", new ZooKeeperElectionOptions { Value = "a" });
        await using var leadership = await ElectedAsync(election);

        // Each in turn, so the one that we are connected to is among them.
        foreach (var server in _servers)
        {
            server.Signal(Signal.Stop);
            Assert.Equal(leadership.Leader, await UntilAnsweredAsync(election));
            server.Signal(Signal.Continue);
            await UntilAsync($"{server.Address} serves", server.ServesAsync);
        }

        Assert.True(leadership.IsHeld);
        Assert.Equal(ResignResult.Released, await leadership.ResignAsync(default));
    }

    private ZooKeeperClient NewClient() => new(new ZooKeeperClientOptions
    {
        Servers = [.. _servers.Select(server => server.Address)],
        SessionTimeout = TimeSpan.FromSeconds(30),
        AnswerTimeout = TimeSpan.FromSeconds(1),
        RetryIntervalMax = TimeSpan.FromMilliseconds(200),
    });

    // While the servers elect their own leader, nobody answers.
    private static async Task<Leader?> UntilAnsweredAsync(ZooKeeperElection election)
    {
        Leader? leader = null;
        await UntilAsync("somebody answers", async () =>
        {
            try
            {
                leader = await election.GetLeaderAsync(default);
                return true;
            }
            catch (ElectionUnavailableException)
            {
                return false;
            }
        });
        return leader;
    }
}

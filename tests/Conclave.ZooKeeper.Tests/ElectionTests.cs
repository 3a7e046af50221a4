using System.Text;
using System.Text.RegularExpressions;
using Conclave.Contract;
using Conclave.ZooKeeper.Wire;
using static Conclave.Contract.Awaited;

namespace Conclave.ZooKeeper.Tests;

/// <summary>What the contract does not ask, at a server that does its part.</summary>
public sealed partial class ElectionTests(ZooKeeperServer server) : IClassFixture<ZooKeeperServer>, IAsyncLifetime
{
    private readonly ElectionBench _bench = new(server, $"billing/{Guid.NewGuid():n}");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _bench.DisposeAsync();

    [ZooKeeperFact]
    public async Task The_node_has_a_name_as_kazoos_and_the_token_is_its_czxid()
    {
        await using var leadership = await ElectedAsync(_bench.NewCandidate("a"));
        var name = Assert.Single(await _bench.StandingAsync());
        Assert.Matches(KazoosName(), name);
        var content = await _bench.AskAsync(new GetDataRequest($"/{_bench.Election}/{name}", Watch: false));
        Assert.Equal(leadership.FencingToken.Value, content.Stat.Czxid);
        Assert.Equal("a", Encoding.UTF8.GetString(content.Bytes));
        Assert.NotEqual(0, content.Stat.EphemeralOwner);
    }

    [ZooKeeperFact]
    public async Task An_observer_that_comes_late_starts_with_the_leader_and_sees_a_new_value_and_the_end()
    {
        var leadership = await ElectedAsync(_bench.NewCandidate("a"));
        var waiting = _bench.NewCandidate("b").CampaignAsync(default);
        await _bench.UntilStandAsync(2);
        await using var observer = new Observer(_bench.NewCandidate("observer"));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        await _bench.AskAsync(new WriteRequest($"/{_bench.Election}/{(await _bench.StandingAsync())[0]}", "a at another address"u8.ToArray()));
        await observer.UntilAsync("the new value is seen", seen => seen.Count == 2);
        await leadership.DisposeAsync();
        var next = await waiting.WaitAsync(Deadline);
        await next.DisposeAsync();
        await observer.UntilAsync("the end is seen", seen => seen[^1] is null);

        Assert.Equal(
            [new Leader("a", leadership.FencingToken), new Leader("a at another address", leadership.FencingToken), next.Leader, null],
            observer.Seen);
    }

    [ZooKeeperFact]
    public async Task Two_observers_of_one_client_see_the_same_and_one_that_leaves_does_not_blind_the_other()
    {
        var client = _bench.NewClient();
        await using var staying = new Observer(_bench.Own(new ZooKeeperElection(client, _bench.Election)));
        await using (var leaving = new Observer(_bench.Own(new ZooKeeperElection(client, _bench.Election))))
        {
            await staying.UntilAsync("both watch", seen => seen.Count == 1);
            await leaving.UntilAsync("both watch", seen => seen.Count == 1);
        }

        await using var leadership = await ElectedAsync(_bench.NewCandidate("a"));
        await staying.UntilAsync("the leader is seen", seen => seen.Count == 2);
        Assert.Equal([null, leadership.Leader], staying.Seen);
    }

    [ZooKeeperFact]
    public async Task A_waiting_candidate_that_leaves_wakes_the_one_behind_it_only_to_wait_for_the_one_before()
    {
        var first = await ElectedAsync(_bench.NewCandidate("a"));
        var middle = _bench.NewCandidate("b");
        var leaving = middle.CampaignAsync(default);
        await _bench.UntilStandAsync(2);
        var last = _bench.NewCandidate("c").CampaignAsync(default);
        await _bench.UntilStandAsync(3);

        await middle.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        await _bench.UntilStandAsync(2);
        Assert.False(last.IsCompleted);
        await first.DisposeAsync();
        await using var leadership = await last.WaitAsync(Deadline);
        Assert.Equal("c", leadership.Leader.Value);
    }

    [ZooKeeperFact]
    public async Task Each_candidate_watches_one_node_and_no_node_has_a_herd()
    {
        var client = _bench.NewClient();
        var candidates = Enumerable.Range(0, 10).Select(number => _bench.Own(new ZooKeeperElection(client, _bench.Election, new ZooKeeperElectionOptions { Value = $"{number}" }))).ToArray();
        await using var leadership = await ElectedAsync(candidates[0]);
        foreach (var (candidate, number) in candidates.Skip(1).Select((candidate, index) => (candidate, index + 2)))
        {
            _ = candidate.CampaignAsync(default);
            await _bench.UntilStandAsync(number);
        }

        // The nine that wait watch nine nodes, the first of which its leader watches too. Nobody watches the last, and nobody the children of all.
        var own = (await _bench.StandingAsync()).Select(name => $"/{_bench.Election}/{name}").ToArray();
        await UntilAsync("nine nodes are watched", async () =>
            (await server.TellAsync("wchp")).Split('\n').Select(line => line.Trim()).Where(line => line.StartsWith($"/{_bench.Election}", StringComparison.Ordinal)).Order().SequenceEqual(own[..9].Order()));
    }

    [ZooKeeperFact]
    public async Task A_waiting_candidate_whose_node_is_deleted_stands_again()
    {
        var first = await ElectedAsync(_bench.NewCandidate("a"));
        var waiting = _bench.NewCandidate("b").CampaignAsync(default);
        await _bench.UntilStandAsync(2);
        await _bench.AskAsync(new DeleteRequest($"/{_bench.Election}/{(await _bench.StandingAsync())[1]}"));
        await first.DisposeAsync();
        await using var second = await waiting.WaitAsync(Deadline);
        Assert.Equal(second.Leader, await _bench.NewCandidate("c").GetLeaderAsync(default));
    }

    [ZooKeeperFact]
    public async Task A_hundred_elections_share_one_session_and_disposing_the_client_ends_them_all()
    {
        var client = _bench.NewClient();
        var elections = Enumerable.Range(0, 100).Select(number => $"{_bench.Election}/many-{number}").ToArray();
        var leaderships = await Task.WhenAll(elections.Select(name => ElectedAsync(_bench.Own(new ZooKeeperElection(client, name)))));
        var owners = await Task.WhenAll(elections.Select(async name =>
        {
            var node = Assert.Single((await _bench.AskAsync(new GetChildrenRequest("/" + name))).Names);
            return (await _bench.AskAsync(new GetDataRequest($"/{name}/{node}", Watch: false))).Stat.EphemeralOwner;
        }));
        Assert.Single(owners.Distinct());

        await client.DisposeAsync();

        Assert.All(leaderships, leadership => Assert.False(leadership.IsHeld));
        await Assert.AllAsync(elections, async name => Assert.Empty((await _bench.AskAsync(new GetChildrenRequest("/" + name))).Names));
    }

    [ZooKeeperFact]
    public async Task Nodes_made_with_credentials_refuse_others_with_one_clear_error()
    {
        var owner = _bench.Own(new ZooKeeperElection(_bench.NewClient(credentials: "billing:secret"), _bench.Election));
        await using var leadership = await ElectedAsync(owner);

        var stranger = _bench.NewCandidate("b");
        foreach (var attempt in new Func<Task>[]
        {
            () => stranger.CampaignAsync(default),
            () => stranger.TryCampaignAsync(default),
            () => stranger.GetLeaderAsync(default),
            async () => await stranger.ObserveAsync(default).GetAsyncEnumerator().MoveNextAsync(),
        })
        {
            var refused = await Assert.ThrowsAsync<ElectionException>(() => attempt().WaitAsync(Deadline));
            Assert.Contains("Credentials", refused.Message, StringComparison.Ordinal);
        }

        Assert.Equal(leadership.Leader, await _bench.Own(new ZooKeeperElection(_bench.NewClient(credentials: "billing:secret"), _bench.Election)).GetLeaderAsync(default));
    }

    [GeneratedRegex("^[0-9a-f]{32}__lock__[0-9]{10}$")]
    private static partial Regex KazoosName();
}

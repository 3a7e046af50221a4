using System.Text;
using System.Text.RegularExpressions;
using Conclave.Contract;
using Conclave.ZooKeeper.Wire;
using static Conclave.Contract.Awaited;

namespace Conclave.ZooKeeper.Tests;

/// <summary>
/// Nodes named as Curator names them, and judged by Curator's rule, beside ours in one election. Curator itself (Java) does not run here: what is tested is that neither side misreads the other's names.
/// </summary>
public sealed partial class CuratorTests(ZooKeeperServer server) : IClassFixture<ZooKeeperServer>, IAsyncLifetime
{
    private readonly ElectionBench _bench = new(server, $"curator/{Guid.NewGuid():n}");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _bench.DisposeAsync();

    [ZooKeeperFact]
    public Task A_leader_latch_and_ours_wait_for_each_other() => WaitForEachOtherAsync(ZooKeeperNodeNames.CuratorLeaderLatch, "latch-");

    [ZooKeeperFact]
    public Task A_leader_selector_and_ours_wait_for_each_other() => WaitForEachOtherAsync(ZooKeeperNodeNames.CuratorLeaderSelector, "lock-");

    [ZooKeeperFact]
    public async Task An_observer_sees_Curators_leaders_and_ours()
    {
        var names = ZooKeeperNodeNames.CuratorLeaderLatch;
        var ours = await ElectedAsync(_bench.NewCandidate("ours", nodeNames: names));
        await using var observer = new Observer(_bench.NewCandidate("observer", nodeNames: names));
        await observer.UntilAsync("ours is seen", seen => seen.Count == 1);
        var curators = await StandAsCuratorAsync("latch-", "curator");
        await ours.DisposeAsync();
        await observer.UntilAsync("Curator's is seen", seen => seen.Count == 2);
        await _bench.AskAsync(new DeleteRequest(curators.Path));
        await observer.UntilAsync("the end is seen", seen => seen[^1] is null);
        Assert.Equal([ours.Leader, new Leader("curator", new FencingToken(curators.Stat.Czxid)), null], observer.Seen);
    }

    [Fact]
    public void Each_recipe_reads_its_own_names_only()
    {
        var (latch, selector, kazoo) = (Naming.Of(ZooKeeperNodeNames.CuratorLeaderLatch), Naming.Of(ZooKeeperNodeNames.CuratorLeaderSelector), Naming.Of(ZooKeeperNodeNames.Kazoo));
        const string Latch = "_c_53345f98-9423-4e0c-a7b5-9f819e3ec2e1-latch-0000000012";
        const string Lock = "_c_53345f98-9423-4e0c-a7b5-9f819e3ec2e1-lock-0000000013";
        const string Kazoos = "5334--5f98__lock__0000000014";
        Assert.True(latch.TryParse(Latch, out var parsed));
        Assert.Equal(12, parsed.Number);
        Assert.True(latch.TryParse("latch-0000000012", out _)); // made without Curator's protection
        Assert.True(selector.TryParse(Lock, out parsed));
        Assert.Equal(13, parsed.Number);
        Assert.True(kazoo.TryParse(Kazoos, out _));
        Assert.All(new[] { Lock, Kazoos }, name => Assert.False(latch.TryParse(name, out _)));
        Assert.All(new[] { Latch, Kazoos }, name => Assert.False(selector.TryParse(name, out _)));
        Assert.All(new[] { Latch, Lock }, name => Assert.False(kazoo.TryParse(name, out _)));
    }

    [Fact]
    public async Task Names_that_are_none_are_refused_where_the_election_is_made()
    {
        await using var client = new ZooKeeperClient(new ZooKeeperClientOptions { Servers = ["127.0.0.1:1"] });
        var refused = Assert.Throws<ArgumentException>(() => new ZooKeeperElection(client, "jobs", new ZooKeeperElectionOptions { NodeNames = (ZooKeeperNodeNames)7 }));
        Assert.Contains("CuratorLeaderLatch", refused.Message, StringComparison.Ordinal);
    }

    private async Task WaitForEachOtherAsync(ZooKeeperNodeNames names, string lockName)
    {
        var ours = await ElectedAsync(_bench.NewCandidate("ours", nodeNames: names));
        var own = Assert.Single(await _bench.StandingAsync());
        Assert.Matches(CuratorsName(), own);
        var curators = await StandAsCuratorAsync(lockName, "curator");
        var waiting = _bench.NewCandidate("ours again", nodeNames: names).CampaignAsync(default);
        await _bench.UntilStandAsync(3);

        // Curator's turn comes after ours, by its own rule, and ours after Curator's.
        Assert.Equal([own, NameOf(curators)], InCuratorsOrder(await _bench.StandingAsync(), lockName)[..2]);
        await ours.DisposeAsync();
        await _bench.UntilStandAsync(2);
        Assert.Equal(NameOf(curators), InCuratorsOrder(await _bench.StandingAsync(), lockName)[0]);
        Assert.Equal(new Leader("curator", new FencingToken(curators.Stat.Czxid)), await _bench.NewCandidate("observer", nodeNames: names).GetLeaderAsync(default));
        Assert.False(waiting.IsCompleted);

        await _bench.AskAsync(new DeleteRequest(curators.Path));
        await using var again = await waiting.WaitAsync(Deadline);
        Assert.Equal(Assert.Single(await _bench.StandingAsync()), InCuratorsOrder(await _bench.StandingAsync(), lockName)[0]);
    }

    private Task<Created> StandAsCuratorAsync(string lockName, string id) =>
        _bench.AskAsync(new CreateRequest($"/{_bench.Election}/_c_{Guid.NewGuid()}-{lockName}", Encoding.UTF8.GetBytes(id), Access.Open, IsCandidate: true));

    private static string NameOf(Created node) => node.Path[(node.Path.LastIndexOf('/') + 1)..];

    // By the text behind the last occurrence of the lock's name, or by all of it where there is none; the first leads.
    private static string[] InCuratorsOrder(IEnumerable<string> children, string lockName) =>
        [.. children.OrderBy(child => child.LastIndexOf(lockName, StringComparison.Ordinal) is var at and >= 0 ? child[(at + lockName.Length)..] : child, StringComparer.Ordinal)];

    [GeneratedRegex("^_c_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-(latch|lock)-[0-9]{10}$")]
    private static partial Regex CuratorsName();
}

using System.Globalization;
using System.Text.RegularExpressions;
using Conclave.Contract;
using static Conclave.Contract.Awaited;
using static Conclave.Kubernetes.Tests.ElectionBench;

namespace Conclave.Kubernetes.Tests;

/// <summary>What is a Lease's own: what stands in it, who else writes it, and how the token grows whatever they do.</summary>
public sealed partial class ElectionTests(KubernetesServer server) : IClassFixture<KubernetesServer>, IAsyncLifetime
{
    private const string Foreign = """{"holderIdentity": "somebody", "leaseDurationSeconds": 2, "acquireTime": "2020-01-01T00:00:00.000000Z", "renewTime": "2020-01-01T00:00:00.000000Z", "leaseTransitions": 0}""";

    private readonly ElectionBench _bench = new(server, $"shared/e{Guid.NewGuid():n}");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        server.Mute(false);
        server.Fail();
        await _bench.DisposeAsync();
    }

    [Fact]
    public async Task The_Lease_reads_as_kubectl_and_client_go_expect()
    {
        var before = DateTimeOffset.UtcNow.AddSeconds(-1);
        await using var leadership = await ElectedAsync(_bench.NewElection("pod-1"));
        var spec = await server.SpecAsync(_bench.Lease);
        Assert.Matches("^pod-1_[0-9a-f]{32}$", (string)spec["holderIdentity"]!);
        Assert.Equal(20, (int)spec["leaseDurationSeconds"]!);
        Assert.Equal(1, (int)spec["leaseTransitions"]!);
        foreach (var field in (string[])["acquireTime", "renewTime"])
        {
            var text = (string)spec[field]!;
            Assert.Matches(MicroTime(), text);
            Assert.InRange(DateTimeOffset.Parse(text, CultureInfo.InvariantCulture), before, DateTimeOffset.UtcNow.AddSeconds(1));
        }

        await leadership.DisposeAsync();
        spec = await server.SpecAsync(_bench.Lease);
        Assert.Equal("", (string)spec["holderIdentity"]!);
        Assert.Equal(1, (int)spec["leaseDurationSeconds"]!);
    }

    [Fact]
    public async Task A_renewal_moves_renewTime_and_nothing_else()
    {
        await using var leadership = await ElectedAsync(_bench.NewPatient("a"));
        var first = (await server.SpecAsync(_bench.Lease)).DeepClone();
        await UntilAsync("renewed", async () => (string)(await server.SpecAsync(_bench.Lease))["renewTime"]! != (string)first["renewTime"]!);
        var second = await server.SpecAsync(_bench.Lease);
        Assert.Equal(first["acquireTime"]!.ToString(), second["acquireTime"]!.ToString());
        Assert.Equal(first["leaseTransitions"]!.ToString(), second["leaseTransitions"]!.ToString());
        Assert.True(leadership.IsHeld);
    }

    [Fact]
    public async Task A_hand_over_does_not_wait_for_a_poll()
    {
        var first = await ElectedAsync(_bench.NewElection("a"));
        var waiting = _bench.NewElection("b", options: _bench.Options with { PollInterval = TimeSpan.FromMinutes(5) }).CampaignAsync(default);
        await WatchedAsync(2);
        await first.ResignAsync(default);
        await using var second = await waiting.WaitAsync(Deadline); // which is less than a poll
    }

    [Fact]
    public async Task Where_watches_say_nothing_polls_do()
    {
        server.Mute(true);
        await using var observer = new Observer(_bench.NewElection("observer", options: Polling));
        await observer.UntilAsync("the observer has begun", seen => seen.Count == 1);
        var first = await ElectedAsync(_bench.NewElection("a"));
        var waiting = _bench.NewElection("b", options: Polling).CampaignAsync(default);
        await first.ResignAsync(default);
        await using var second = await waiting.WaitAsync(Deadline);
        Assert.Equal("b", second.Leader.Value);
        server.Mute(false);
    }

    [Fact]
    public async Task A_foreign_holder_is_waited_for_by_our_own_clock_whatever_time_it_writes()
    {
        // Its renewTime is years ago: by that it would be over at once.
        await server.PutAsync(_bench.Lease, Foreign);
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        await using var leadership = await ElectedAsync(_bench.NewElection("a"));
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(began) >= TimeSpan.FromSeconds(2));
    }

    [Fact]
    public async Task A_foreign_holder_that_died_is_followed_although_it_wrote_a_time_to_come()
    {
        await server.PutAsync(_bench.Lease, Foreign.Replace("2020", "2090", StringComparison.Ordinal));
        await using var leadership = await ElectedAsync(_bench.NewElection("a"));
        Assert.True(leadership.IsHeld);
    }

    [Fact]
    public async Task A_foreign_holder_is_told_by_its_identity_and_without_a_token()
    {
        await using var observer = new Observer(_bench.NewElection("observer"));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        await server.PutAsync(_bench.Lease, Foreign);
        await observer.UntilAsync("the foreign leader is seen", seen => seen.Count == 2);
        Assert.Equal(new Leader("somebody", FencingToken.None), await _bench.NewElection("asks").GetLeaderAsync(default));

        // It never renews: a vacancy, once its time is over on our clock.
        await observer.UntilAsync("its end is seen", seen => seen.Count == 3);
        Assert.Equal([null, new Leader("somebody", FencingToken.None), null], observer.Seen);
    }

    [Fact]
    public async Task A_token_is_above_all_before_it_whatever_was_done_to_the_Lease()
    {
        var tokens = new List<FencingToken>();
        await LeadAsync();
        await LeadAsync();

        // A foreign holder that keeps our annotations, as client-go does; then one that keeps none.
        await server.PatchAsync(_bench.Lease, "{\"spec\": " + Foreign + "}");
        await LeadAsync();
        await server.PutAsync(_bench.Lease, Foreign);
        await LeadAsync();

        await server.DeleteAsync(_bench.Lease);
        await LeadAsync();
        await server.PatchAsync(_bench.Lease, """{"metadata": {"annotations": {"election.conclave/token": "1"}}, "spec": {"leaseTransitions": 0}}""");
        await LeadAsync();
        await server.PatchAsync(_bench.Lease, """{"metadata": {"annotations": {"election.conclave/token": "5000000000"}}}""");
        await LeadAsync();

        Assert.Equal(7, tokens.Count);
        Assert.Equal(tokens.Order().Distinct(), tokens);
        Assert.True(tokens[^1].Value > 5_000_000_000);

        async Task LeadAsync()
        {
            await using var leadership = await ElectedAsync(_bench.NewElection("a"));
            tokens.Add(leadership.FencingToken);
        }
    }

    [Fact]
    public async Task A_try_of_the_same_object_follows_a_dead_holder_after_its_time_and_not_before()
    {
        // Long enough for the two questions before its end.
        await server.PutAsync(_bench.Lease, Foreign.Replace("\"leaseDurationSeconds\": 2", "\"leaseDurationSeconds\": 8", StringComparison.Ordinal));
        var candidate = _bench.NewElection("a");
        Assert.Null(await candidate.TryCampaignAsync(default));
        Assert.NotNull(await candidate.GetLeaderAsync(default));
        Leadership? leadership = null;
        await UntilAsync("the holder is known for dead", async () => (leadership = await candidate.TryCampaignAsync(default)) is not null);
        await leadership!.DisposeAsync();
    }

    [Fact]
    public async Task Who_writes_a_label_neither_costs_the_leadership_nor_is_lost()
    {
        await using var leadership = await ElectedAsync(_bench.NewPatient("a"));
        var (end, renewals) = (leadership.EndsAt, 0);
        for (var write = 0; renewals < 3 && leadership.IsHeld; write++, await Task.Delay(5))
        {
            if (leadership.EndsAt > end)
                (end, renewals) = (leadership.EndsAt, renewals + 1);
            await server.PatchAsync(_bench.Lease, $$$$"""{"metadata": {"labels": {"write": "{{{{write}}}}"}}}""");
        }

        Assert.True(leadership.IsHeld);
        Assert.NotNull((await server.GetAsync(_bench.Lease))!["metadata"]!["labels"]!["write"]);
        await leadership.DisposeAsync();
        Assert.NotNull((await server.GetAsync(_bench.Lease))!["metadata"]!["labels"]!["write"]);
    }

    [Fact]
    public async Task Who_is_overwritten_by_another_holder_has_lost_at_once()
    {
        var leadership = await ElectedAsync(_bench.NewElection("a"));
        await server.PatchAsync(_bench.Lease, "{\"spec\": " + Foreign + "}");
        await LostAsync(leadership);
        Assert.Equal(LossReason.Removed, leadership.LossReason);
        Assert.Equal(ResignResult.Released, await leadership.ResignAsync(default));
        Assert.Equal("somebody", await _bench.HolderAsync());
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task A_server_that_is_out_of_order_for_less_than_the_lease_costs_nobody_the_leadership(int code)
    {
        var leadership = await ElectedAsync(_bench.NewPatient("a"));
        var waiting = _bench.NewElection("b").CampaignAsync(default);
        await WatchedAsync(2);
        server.Fail(("list", code), ("watch", code), ("update", code), ("get", code));
        await FailsAsync("update");
        var end = leadership.EndsAt;
        await FailsAsync("update");
        Assert.Equal(end, leadership.EndsAt);
        server.Fail();
        await UntilAsync("renewed", () => leadership.EndsAt > end);
        Assert.True(leadership.IsHeld);
        Assert.False(waiting.IsCompleted);
        await leadership.DisposeAsync();
        await using var next = await waiting.WaitAsync(Deadline);
    }

    [Fact]
    public async Task A_watch_that_is_refused_with_410_is_begun_anew_from_a_list()
    {
        await using var relay = new Relay(server.EndPoint);
        await using var observer = new Observer(_bench.NewElection("observer", options: _bench.Options with { Server = $"https://{relay.Address}" }));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        await using var leadership = await ElectedAsync(_bench.NewPatient("a"));
        await observer.UntilAsync("the leader is seen", seen => seen.Count == 2);

        // Renewed meanwhile, so the list is not what the observer knows; but it is the same leadership.
        server.Fail(("watch", 410));
        relay.Cut();
        await FailsAsync("watch");
        var end = leadership.EndsAt;
        await UntilAsync("renewed", () => leadership.EndsAt > end);
        await FailsAsync("watch");
        await WatchedAsync(1);
        server.Fail();
        await WatchedAsync(2);
        await leadership.DisposeAsync();
        await observer.UntilAsync("the end is seen", seen => seen.Count == 3);
        Assert.Equal([null, leadership.Leader, null], observer.Seen);
    }

    [Fact]
    public async Task An_observer_for_whom_the_server_has_forgotten_changes_says_so_if_any_may_matter()
    {
        await using var relay = new Relay(server.EndPoint);
        var through = _bench.Options with { Server = $"https://{relay.Address}" };
        await using var observer = new Observer(_bench.NewElection("observer", options: through));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        await using (await ElectedAsync(_bench.NewElection("a")))
            await observer.UntilAsync("the leader is seen", seen => seen.Count == 2);

        relay.Close();
        await (await ElectedAsync(_bench.NewElection("b"))).DisposeAsync();
        await server.KillAsync(); // which remembers nothing of what was before
        await server.StartAsync();
        await server.PatchAsync(_bench.Lease, """{"metadata": {"labels": {"a": "b"}}}""");
        relay.Open();
        var lost = await Assert.ThrowsAsync<ElectionHistoryLostException>(() => observer.UntilAsync("history is lost", _ => false));
        Assert.Contains("Observe again", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_observer_that_was_cut_off_is_told_every_leader_that_the_server_remembers()
    {
        await using var relay = new Relay(server.EndPoint);
        await using var observer = new Observer(_bench.NewElection("observer", options: _bench.Options with { Server = $"https://{relay.Address}" }));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        relay.Close();
        var won = new List<Leader>();
        for (var turn = 0; turn < 3; turn++)
        {
            await using var leadership = await ElectedAsync(_bench.NewElection($"{turn}"));
            won.Add(leadership.Leader);
        }

        relay.Open();
        await observer.UntilAsync("every leader is seen", seen => seen.OfType<Leader>().Count() == 3 && seen[^1] is null);
        Assert.Equal(won, observer.Seen.OfType<Leader>());
    }

    private async Task FailsAsync(string verb)
    {
        var before = await server.FailedAsync(verb);
        await UntilAsync($"another {verb} has failed", async () => await server.FailedAsync(verb) > before);
    }

    private Task WatchedAsync(int times) => UntilAsync($"{times} watches are open", async () => await server.WatchesAsync(_bench.Lease) == times);

    [GeneratedRegex(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")]
    private static partial Regex MicroTime();

    private KubernetesClientOptions Polling => _bench.Options with { PollInterval = TimeSpan.FromMilliseconds(200) };
}

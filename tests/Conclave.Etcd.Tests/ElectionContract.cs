using System.Diagnostics;
using System.Globalization;
using Conclave.Contract;
using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Etcd.Tests;

/// <summary>
/// What an election through etcd's protocol must do, whoever serves it. One subclass for each server; every test has a server of its own.
/// </summary>
public abstract class ElectionContract : IAsyncLifetime
{
    private protected const string Election = "billing/dialer";
    private protected static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    // Long enough that a busy machine costs nobody a lease by accident; tests that wait for an end take the short one.
    private static readonly LeaseOptions Lease = new() { Ttl = TimeSpan.FromSeconds(20), StopMargin = TimeSpan.FromMilliseconds(300) };
    private static readonly TimeSpan ShortTtl = TimeSpan.FromSeconds(2);

    private readonly List<IAsyncDisposable> _owned = [];
    private ElectionServer _server = null!;

    private protected abstract ElectionServer NewServer();

    public async Task InitializeAsync()
    {
        _server = NewServer();
        await _server.StartAsync();
    }

    public async Task DisposeAsync()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
            await owned.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Nobody_leads_before_the_first_campaign() => Assert.Null(await NewCandidate("a").GetLeaderAsync(default));

    [Fact]
    public async Task The_elected_is_whom_all_see()
    {
        await using var leadership = await ElectedAsync(NewCandidate("a"));
        Assert.True(leadership.IsHeld);
        Assert.Equal(new Leader("a", leadership.FencingToken), await NewCandidate("b").GetLeaderAsync(default));
    }

    [Fact]
    public async Task The_key_is_the_lease_in_hexadecimal_and_the_token_its_create_revision()
    {
        await using var leadership = await ElectedAsync(NewCandidate("a"));
        var key = Assert.Single(await StandingAsync());
        Assert.Equal($"{Election}/{key.Lease.ToString("x", CultureInfo.InvariantCulture)}", key.Key.ToStringUtf8());
        Assert.Equal(leadership.FencingToken.Value, key.CreateRevision);
    }

    [Fact]
    public async Task Resigning_hands_over_within_a_round_trip_and_not_a_TTL()
    {
        var first = await ElectedAsync(NewCandidate("a"));
        var waiting = NewCandidate("b").CampaignAsync(default);
        await UntilAsync("b stands", async () => (await StandingAsync()).Count == 2);
        Assert.False(waiting.IsCompleted);

        var resigned = Stopwatch.GetTimestamp();
        Assert.Equal(ResignResult.Released, await first.ResignAsync(default));
        await using var second = await waiting.WaitAsync(Deadline);

        Assert.True(Stopwatch.GetElapsedTime(resigned) < Lease.Ttl / 2, $"the hand-over took {Stopwatch.GetElapsedTime(resigned)}");
        Assert.True(second.FencingToken > first.FencingToken);
        Assert.Equal(LossReason.Resigned, first.LossReason);
    }

    [Fact]
    public async Task Over_twenty_hand_overs_among_five_tokens_grow_leaders_never_overlap_and_an_observer_sees_each()
    {
        using var stop = new CancellationTokenSource();
        var observed = ObservedAsync(NewCandidate("observer"), stop.Token);
        var won = new List<Leader>();
        var inside = 0;
        await Task.WhenAll(Enumerable.Range(0, 5).Select(async number =>
        {
            var candidate = NewCandidate($"candidate-{number}");
            for (var turn = 0; turn < 4; turn++)
            {
                await using var leadership = await ElectedAsync(candidate);
                Assert.Equal(1, Interlocked.Increment(ref inside));
                won.Add(leadership.Leader);
                Assert.True(leadership.IsHeld);
                Assert.Equal(0, Interlocked.Decrement(ref inside));
            }
        }));

        Assert.Equal(20, won.Count);
        Assert.Equal(won.OrderBy(leader => leader.FencingToken).Distinct(), won);

        // The last change is that nobody leads any more.
        await UntilAsync("the observer has seen the end", () => Task.FromResult(LastOf(observed.Seen) is null && CountOf(observed.Seen) > 20));
        await stop.CancelAsync();
        await observed.Ended;
        Assert.Equal(won, observed.Seen.OfType<Leader>());
        Assert.DoesNotContain(observed.Seen.Zip(observed.Seen.Skip(1)), pair => pair.First == pair.Second);
    }

    [Fact]
    public async Task An_observer_misses_nothing_while_the_server_is_away_and_sees_a_new_value()
    {
        using var stop = new CancellationTokenSource();
        var observed = ObservedAsync(NewCandidate("observer"), stop.Token);
        await UntilAsync("the observer watches", () => Task.FromResult(CountOf(observed.Seen) == 1));
        var leadership = await ElectedAsync(NewCandidate("a"));

        await _server.KillAsync();
        await _server.StartAsync();
        await EtcdctlAsync("put", "--ignore-lease", Assert.Single(await StandingAsync()).Key.ToStringUtf8(), "a at another address");
        await leadership.DisposeAsync();
        await UntilAsync("the observer has seen the end", () => Task.FromResult(LastOf(observed.Seen) is null && CountOf(observed.Seen) > 1));
        await stop.CancelAsync();
        await observed.Ended;

        Assert.Equal([null, new Leader("a", leadership.FencingToken), new Leader("a at another address", leadership.FencingToken), null], observed.Seen);
    }

    [Fact]
    public async Task An_observer_that_was_away_while_history_was_compacted_says_so_and_a_new_one_starts_afresh()
    {
        var election = NewCandidate("a");
        await using var observation = election.ObserveAsync(default).GetAsyncEnumerator();
        Assert.True(await observation.MoveNextAsync()); // nobody leads; the watch is opened by the next step only
        Assert.Null(observation.Current);

        await (await ElectedAsync(election)).DisposeAsync();
        await using var leadership = await ElectedAsync(election);
        await EtcdctlAsync("compact", leadership.FencingToken.ToString());

        await Assert.ThrowsAsync<ElectionHistoryLostException>(() => observation.MoveNextAsync().AsTask().WaitAsync(Deadline));
        await using var afresh = election.ObserveAsync(default).GetAsyncEnumerator();
        Assert.True(await afresh.MoveNextAsync());
        Assert.Equal(leadership.Leader, afresh.Current);
    }

    [Fact]
    public async Task A_try_leads_when_nobody_does_and_otherwise_leaves_nothing_behind()
    {
        var first = await NewCandidate("a").TryCampaignAsync(default);
        Assert.NotNull(first);
        var other = NewCandidate("b");
        Assert.Null(await other.TryCampaignAsync(default));
        Assert.Single(await StandingAsync());

        await first.DisposeAsync();
        await using var second = await other.TryCampaignAsync(default);
        Assert.NotNull(second);
        Assert.True(second.FencingToken > first.FencingToken);
    }

    [Fact]
    public async Task A_cancelled_campaign_leaves_no_key_and_can_be_repeated()
    {
        var first = await ElectedAsync(NewCandidate("a"));
        var other = NewCandidate("b");
        using var withdraw = new CancellationTokenSource();
        var waiting = other.CampaignAsync(withdraw.Token);
        await UntilAsync("b stands", async () => (await StandingAsync()).Count == 2);

        await withdraw.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal("a", Assert.Single(await StandingAsync()).Value.ToStringUtf8());

        await first.DisposeAsync();
        await using var second = await ElectedAsync(other);
        Assert.Equal("b", second.Leader.Value);
    }

    [Fact]
    public async Task A_campaign_cancelled_while_the_server_hangs_leaves_no_ghost_although_its_lease_could_be_renewed()
    {
        var other = NewCandidate("b");
        await (await ElectedAsync(other)).DisposeAsync(); // there is a lease now

        _server.Signal(Signal.Stop);
        using var withdraw = new CancellationTokenSource(TimeSpan.FromMilliseconds(100)); // the creation is on its way by then
        var campaign = other.CampaignAsync(withdraw.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => campaign);
        _server.Signal(Signal.Continue);

        // The delayed creation may be applied first; the revocation takes it away, long before the lease, renewed as it could be, would end.
        await UntilAsync("no key is left", async () => (await StandingAsync()).Count == 0 && (await LeasesAsync()) == 0);
        await using var leadership = await ElectedAsync(other);
        Assert.Single(await StandingAsync());
    }

    [Fact]
    public async Task A_killed_leader_is_replaced_when_its_lease_ends()
    {
        using var child = NewChild();
        await child.LineAsync("elected");
        var waiting = NewCandidate("b").CampaignAsync(default);
        await UntilAsync("b stands", async () => (await StandingAsync()).Count == 2);

        var killed = Stopwatch.GetTimestamp();
        child.Signal(Signal.Kill);
        await using var leadership = await waiting.WaitAsync(Deadline);

        // etcd looks for expired leases twice a second.
        Assert.InRange(Stopwatch.GetElapsedTime(killed), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5));
    }

    [Fact]
    public async Task A_stopped_leader_that_wakes_up_has_lost_and_is_refused_at_the_gate()
    {
        using var gate = new FencingGate(new FileFencingStore(GateFile));
        using var child = NewChild();
        var old = Token(await child.LineAsync("elected"));
        await child.LineAsync("Admitted");
        child.Signal(Signal.Stop);

        await using var leadership = await ElectedAsync(NewCandidate("b"));
        Assert.True(leadership.FencingToken > old);
        Assert.IsType<FencingVerdict.Admitted>(await gate.CheckAsync(leadership.FencingToken, default));
        child.Signal(Signal.Continue);

        await child.LineAsync("Refused");
        var lost = await child.LineAsync("lost");
        Assert.True(lost is "lost LeaseEnded" or "lost LeaseRefused" or "lost Removed", lost);
        Assert.True(leadership.IsHeld);
    }

    [Fact]
    public async Task With_a_hung_server_Lost_fires_by_our_own_clock_before_the_lease_could_end_there()
    {
        var leadership = await ElectedAsync(NewCandidate("a", ShortTtl));
        var lost = new TaskCompletionSource<TimeSpan>(TaskCreationOptions.RunContinuationsAsynchronously);
        var hung = Stopwatch.GetTimestamp();
        leadership.Lost.Register(() => lost.SetResult(Stopwatch.GetElapsedTime(hung)));
        _server.Signal(Signal.Stop);
        try
        {
            // The last renewal may have been sent just before, so the lease may run its whole length from here, and no longer.
            var after = await lost.Task.WaitAsync(Deadline);
            Assert.InRange(after, TimeSpan.Zero, ShortTtl);
            Assert.Equal(LossReason.LeaseEnded, leadership.LossReason);
        }
        finally
        {
            _server.Signal(Signal.Continue);
        }

        Assert.Equal(ResignResult.Released, await leadership.ResignAsync(default));
    }

    [Fact]
    public async Task A_resignation_that_a_hung_server_does_not_answer_is_unknown_and_still_ends_the_leadership()
    {
        var leadership = await ElectedAsync(NewCandidate("a", ShortTtl));
        _server.Signal(Signal.Stop);
        Assert.Equal(ResignResult.Unknown, await leadership.ResignAsync(default).WaitAsync(Deadline));
        Assert.False(leadership.IsHeld);
        _server.Signal(Signal.Continue);
        await UntilAsync("nobody leads", async () => await NewCandidate("b").GetLeaderAsync(default) is null);
    }

    [Fact]
    public async Task A_server_that_restarts_within_the_lease_costs_nobody_the_leadership()
    {
        await using var leadership = await ElectedAsync(NewCandidate("a"));
        var waiting = NewCandidate("b").CampaignAsync(default);
        await UntilAsync("b stands", async () => (await StandingAsync()).Count == 2);

        await _server.KillAsync();
        await _server.StartAsync();

        Assert.True(leadership.IsHeld);
        await leadership.DisposeAsync();
        await using var next = await waiting.WaitAsync(Deadline);
        Assert.True(next.FencingToken > leadership.FencingToken);
    }

    [Fact]
    public async Task A_key_that_somebody_deletes_is_a_leadership_lost()
    {
        var leadership = await ElectedAsync(NewCandidate("a"));
        await EtcdctlAsync("del", "--prefix", Election + "/");
        await UntilAsync("Lost", () => Task.FromResult(leadership.Lost.IsCancellationRequested));
        Assert.Equal(LossReason.Removed, leadership.LossReason);
    }

    [Fact]
    public async Task A_lease_that_somebody_revokes_is_a_leadership_lost_and_the_candidate_can_stand_again()
    {
        var candidate = NewCandidate("a");
        var leadership = await ElectedAsync(candidate);
        await EtcdctlAsync("lease", "revoke", Assert.Single(await StandingAsync()).Lease.ToString("x", CultureInfo.InvariantCulture));
        await UntilAsync("Lost", () => Task.FromResult(leadership.Lost.IsCancellationRequested));
        await using var again = await ElectedAsync(candidate);
        Assert.True(again.FencingToken > leadership.FencingToken);
    }

    [Fact]
    public async Task A_waiting_candidate_whose_key_is_deleted_stands_again()
    {
        var first = await ElectedAsync(NewCandidate("a"));
        var waiting = NewCandidate("b").CampaignAsync(default);
        await UntilAsync("b stands", async () => (await StandingAsync()).Count == 2);
        await EtcdctlAsync("del", (await StandingAsync()).Single(key => key.Value.ToStringUtf8() == "b").Key.ToStringUtf8());
        await first.DisposeAsync();
        await using var second = await waiting.WaitAsync(Deadline);
        Assert.Equal(second.FencingToken.Value, Assert.Single(await StandingAsync()).CreateRevision);
    }

    [Fact]
    public async Task Etcdctl_elect_and_ours_stand_in_the_same_election()
    {
        var ours = await ElectedAsync(NewCandidate("ours"));
        using var theirs = new RunningProcess("etcdctl", ["--endpoints", ElectionServer.EndpointInFolder, "elect", Election, "theirs"], _server.Folder);
        await UntilAsync("etcdctl stands", async () => (await StandingAsync()).Count == 2);
        Assert.Equal("", theirs.Output);
        using (var listening = new RunningProcess("etcdctl", ["--endpoints", ElectionServer.EndpointInFolder, "elect", "--listen", Election], _server.Folder))
            await listening.LineAsync("ours");

        await ours.DisposeAsync();
        await theirs.LineAsync("theirs");
        var candidate = NewCandidate("ours again");
        Assert.Equal("theirs", (await candidate.GetLeaderAsync(default))!.Value);

        var waiting = candidate.CampaignAsync(default);
        await UntilAsync("ours stands", async () => (await StandingAsync()).Count == 2);
        Assert.False(waiting.IsCompleted);
        theirs.Signal(Signal.Interrupt); // etcdctl resigns
        await using var again = await waiting.WaitAsync(Deadline);
        Assert.True(again.FencingToken > ours.FencingToken);
    }

    [Fact]
    public async Task A_candidate_takes_part_once_at_a_time()
    {
        var candidate = NewCandidate("a");
        var leadership = await ElectedAsync(candidate);
        await Assert.ThrowsAsync<InvalidOperationException>(() => candidate.CampaignAsync(default));
        await leadership.DisposeAsync();
        await using var again = await ElectedAsync(candidate);
    }

    [Fact]
    public async Task Disposing_a_candidate_withdraws_its_campaign_and_resigns_its_leadership()
    {
        var leading = NewCandidate("a");
        var waiting = NewCandidate("b");
        var leadership = await ElectedAsync(leading);
        var campaign = waiting.CampaignAsync(default);
        await UntilAsync("b stands", async () => (await StandingAsync()).Count == 2);

        await waiting.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => campaign);
        await leading.DisposeAsync();

        Assert.False(leadership.IsHeld);
        Assert.Empty(await StandingAsync());
    }

    [Fact]
    public async Task A_hundred_elections_share_one_lease_and_disposing_the_session_ends_them_all()
    {
        var session = NewSession(TimeSpan.FromSeconds(30));
        var leaderships = await Task.WhenAll(Enumerable.Range(0, 100).Select(number => ElectedAsync(Own(new EtcdElection(session, $"many-{number}")))));
        Assert.Equal(1, await LeasesAsync());

        await session.DisposeAsync();

        Assert.All(leaderships, leadership => Assert.False(leadership.IsHeld));
        Assert.Equal(0, await LeasesAsync());
    }

    private protected EtcdElection NewCandidate(string value, TimeSpan? ttl = null) =>
        Own(new EtcdElection(NewSession(ttl ?? Lease.Ttl), Election, new EtcdElectionOptions { Value = value }));

    private EtcdSession NewSession(TimeSpan ttl) => Own(new EtcdSession(NewClient(), new EtcdSessionOptions
    {
        Lease = Lease with { Ttl = ttl },
        WithdrawTimeout = TimeSpan.FromSeconds(1),
    }));

    private EtcdClient NewClient() => Own(new EtcdClient(new EtcdClientOptions { Endpoints = [_server.Endpoint], RequestTimeout = TimeSpan.FromSeconds(2) }));

    private T Own<T>(T owned)
        where T : IAsyncDisposable
    {
        lock (_owned)
            _owned.Add(owned);
        return owned;
    }

    private string GateFile => Path.Combine(_server.Folder, "token");

    private RunningProcess NewChild() =>
        new(Environment.ProcessPath!, [typeof(Candidate).Assembly.Location, _server.Endpoint, Election, GateFile, "2"], _server.Folder);

    private static FencingToken Token(string line)
    {
        Assert.True(FencingToken.TryParse(line.Split(' ')[1], out var token), line);
        return token;
    }

    private static Task<Leadership> ElectedAsync(EtcdElection candidate) => candidate.CampaignAsync(default).WaitAsync(Deadline);

    private async Task<IReadOnlyList<KeyValue>> StandingAsync()
    {
        var client = Own(NewClient());
        var keys = new ElectionKeys(Election);
        return (await client.RangeAsync(keys.All())).Kvs;
    }

    private async Task<int> LeasesAsync()
    {
        var client = Own(NewClient());
        return (await client.LeaseLeasesAsync()).Leases.Count;
    }

    private Task<string> EtcdctlAsync(params string[] arguments) =>
        RunningProcess.OutputOfAsync("etcdctl", ["--endpoints", ElectionServer.EndpointInFolder, .. arguments], _server.Folder);

    private static (List<Leader?> Seen, Task Ended) ObservedAsync(EtcdElection election, CancellationToken stop)
    {
        var seen = new List<Leader?>();
        return (seen, Task.Run(async () =>
        {
            try
            {
                await foreach (var leader in election.ObserveAsync(stop))
                {
                    lock (seen)
                        seen.Add(leader);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // The only way to end it.
            }
        }, CancellationToken.None));
    }

    private static int CountOf(List<Leader?> seen)
    {
        lock (seen)
            return seen.Count;
    }

    private static Leader? LastOf(List<Leader?> seen)
    {
        lock (seen)
            return seen.LastOrDefault();
    }

    private static async Task UntilAsync(string condition, Func<Task<bool>> holds)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, $"In vain awaited: {condition}");
            await Task.Delay(10);
        }
    }
}

public sealed class DebianEtcdElectionTests : ElectionContract
{
    private protected override ElectionServer NewServer() => new DebianEtcd();
}

public sealed class OwnServerElectionTests : ElectionContract
{
    private protected override ElectionServer NewServer() => new OwnServer();
}

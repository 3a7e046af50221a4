using System.Globalization;
using System.Net;
using Conclave.Contract;
using Conclave.Wire.Etcd;
using static Conclave.Contract.Awaited;

namespace Conclave.Etcd.Tests;

/// <summary>
/// What an election through etcd's protocol must do beside the contract, whoever serves it. One subclass for each server.
/// </summary>
public abstract class EtcdElectionContract : ServerElectionContract
{
    private static readonly LeaseOptions Lease = new() { Ttl = LongTtl, StopMargin = TimeSpan.FromMilliseconds(300) };

    private readonly ElectionServer _server;

    private protected EtcdElectionContract(ElectionServer server) => _server = server;

    protected override string Folder => _server.Folder;

    protected override Task StartServerAsync() => _server.StartAsync();

    protected override Task KillServerAsync() => _server.KillAsync();

    protected override void SignalServer(Signal signal) => _server.Signal(signal);

    protected override async Task DisposeServerAsync() => await _server.DisposeAsync();

    protected override EndPoint ServerEndPoint => _server.Socket;

    protected override ILeaderElection NewCandidate(string value, TimeSpan ttl) => NewCandidateAt(_server.Endpoint, value, ttl);

    protected override ILeaderElection NewCandidateThrough(string address, string value, TimeSpan ttl) => NewCandidateAt($"http://{address}", value, ttl);

    protected override TimeSpan UsableOf(TimeSpan ttl) => LeaseClock.Usable(ttl, Lease);

    protected override RunningProcess NewChild(string gateFile, TimeSpan ttl, IReadOnlyDictionary<string, string>? environment) =>
        new(Environment.ProcessPath!, [typeof(Candidate).Assembly.Location, _server.Endpoint, Election, gateFile, $"{ttl.TotalSeconds}"], Folder, environment);

    protected override async Task<int> CountStandingAsync() => (await StandingAsync()).Count;

    protected override Task RemoveLeaderAsync() => EtcdctlAsync("del", "--prefix", Election + "/");

    // A lease whose key may still come is revoked, long before it, renewed as it could be, would end.
    protected override Task UntilNothingIsLeftAsync() =>
        UntilAsync("no key is left", async () => (await StandingAsync()).Count == 0 && (await LeasesAsync()) == 0);

    [ContractFact]
    public async Task The_key_is_the_lease_in_hexadecimal_and_the_token_its_create_revision()
    {
        await using var leadership = await ElectedAsync(NewCandidate("a"));
        var key = Assert.Single(await StandingAsync());
        Assert.Equal($"{Election}/{key.Lease.ToString("x", CultureInfo.InvariantCulture)}", key.Key.ToStringUtf8());
        Assert.Equal(leadership.FencingToken.Value, key.CreateRevision);
    }

    [ContractFact]
    public async Task An_observer_misses_nothing_while_the_server_is_away_and_sees_a_new_value()
    {
        await using var observer = new Observer(NewCandidate("observer"));
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);
        var leadership = await ElectedAsync(NewCandidate("a"));

        await KillServerAsync();
        await StartServerAsync();
        await EtcdctlAsync("put", "--ignore-lease", Assert.Single(await StandingAsync()).Key.ToStringUtf8(), "a at another address");
        await leadership.DisposeAsync();
        await observer.UntilAsync("the observer has seen the end", seen => seen[^1] is null && seen.Count > 1);

        Assert.Equal([null, new Leader("a", leadership.FencingToken), new Leader("a at another address", leadership.FencingToken), null], observer.Seen);
    }

    [ContractFact]
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

    [ContractFact]
    public async Task A_lease_that_somebody_revokes_is_a_leadership_lost_and_the_candidate_can_stand_again()
    {
        var candidate = NewCandidate("a");
        var leadership = await ElectedAsync(candidate);
        await EtcdctlAsync("lease", "revoke", Assert.Single(await StandingAsync()).Lease.ToString("x", CultureInfo.InvariantCulture));
        await LostAsync(leadership);
        await using var again = await ElectedAsync(candidate);
        Assert.True(again.FencingToken > leadership.FencingToken);
    }

    [ContractFact]
    public async Task A_waiting_candidate_whose_key_is_deleted_stands_again()
    {
        var first = await ElectedAsync(NewCandidate("a"));
        var waiting = NewCandidate("b").CampaignAsync(default);
        await UntilStandAsync(2);
        await EtcdctlAsync("del", (await StandingAsync()).Single(key => key.Value.ToStringUtf8() == "b").Key.ToStringUtf8());
        await first.DisposeAsync();
        await using var second = await waiting.WaitAsync(Deadline);
        Assert.Equal(second.FencingToken.Value, Assert.Single(await StandingAsync()).CreateRevision);
    }

    [ContractFact]
    public async Task Etcdctl_elect_and_ours_stand_in_the_same_election()
    {
        var ours = await ElectedAsync(NewCandidate("ours"));
        using var theirs = new RunningProcess("etcdctl", ["--endpoints", ElectionServer.EndpointInFolder, "elect", Election, "theirs"], Folder);
        await UntilStandAsync(2);
        Assert.Equal("", theirs.Output);
        using (var listening = new RunningProcess("etcdctl", ["--endpoints", ElectionServer.EndpointInFolder, "elect", "--listen", Election], Folder))
            await listening.LineAsync("ours");

        await ours.DisposeAsync();
        await theirs.LineAsync("theirs");
        var candidate = NewCandidate("ours again");
        Assert.Equal("theirs", (await candidate.GetLeaderAsync(default))!.Value);

        var waiting = candidate.CampaignAsync(default);
        await UntilStandAsync(2);
        Assert.False(waiting.IsCompleted);
        theirs.Signal(Signal.Interrupt); // etcdctl resigns
        await using var again = await waiting.WaitAsync(Deadline);
        Assert.True(again.FencingToken > ours.FencingToken);
    }

    [ContractFact]
    public async Task Each_waits_for_the_one_right_before_so_that_one_is_woken_and_not_all()
    {
        await using var leadership = await ElectedAsync(NewCandidate("a"));
        _ = NewCandidate("b").CampaignAsync(default);
        await UntilStandAsync(2);
        _ = NewCandidate("c").CampaignAsync(default);
        await UntilStandAsync(3);
        var last = (await StandingAsync()).MaxBy(key => key.CreateRevision)!;
        await using var client = NewClient(_server.Endpoint);
        var answer = await client.TxnAsync(new ElectionKeys(Election).Predecessor(last.Key, last.CreateRevision));
        var before = Assert.Single(answer.Responses[0].ResponseRange.Kvs);
        Assert.Equal("b", (await StandingAsync()).Single(key => key.Key == before.Key).Value.ToStringUtf8());
    }

    [ContractFact]
    public async Task A_hundred_elections_share_one_lease_and_disposing_the_session_ends_them_all()
    {
        var session = NewSession(_server.Endpoint, TimeSpan.FromSeconds(30));
        var leaderships = await Task.WhenAll(Enumerable.Range(0, 100).Select(number => ElectedAsync(Own(new EtcdElection(session, $"many-{number}")))));
        Assert.Equal(1, await LeasesAsync());

        await session.DisposeAsync();

        Assert.All(leaderships, leadership => Assert.False(leadership.IsHeld));
        Assert.Equal(0, await LeasesAsync());
    }

    private EtcdElection NewCandidateAt(string endpoint, string value, TimeSpan ttl) =>
        Own(new EtcdElection(NewSession(endpoint, ttl), Election, new EtcdElectionOptions { Value = value }));

    private EtcdSession NewSession(string endpoint, TimeSpan ttl) => Own(new EtcdSession(Own(NewClient(endpoint)), new EtcdSessionOptions
    {
        Lease = Lease with { Ttl = ttl },
        WithdrawTimeout = TimeSpan.FromSeconds(1),
        TryTimeout = TimeSpan.FromSeconds(3),
    }));

    private static EtcdClient NewClient(string endpoint) => new(new EtcdClientOptions { Endpoints = [endpoint], RequestTimeout = TimeSpan.FromSeconds(2) });

    private async Task<IReadOnlyList<KeyValue>> StandingAsync()
    {
        await using var client = NewClient(_server.Endpoint);
        return (await client.RangeAsync(new ElectionKeys(Election).All())).Kvs;
    }

    private async Task<int> LeasesAsync()
    {
        await using var client = NewClient(_server.Endpoint);
        return (await client.LeaseLeasesAsync()).Leases.Count;
    }

    private Task<string> EtcdctlAsync(params string[] arguments) =>
        RunningProcess.OutputOfAsync("etcdctl", ["--endpoints", ElectionServer.EndpointInFolder, .. arguments], Folder);
}

[Needs("/usr/bin/etcd", "etcd-server")]
[Needs("/usr/bin/etcdctl", "etcd-client")]
public sealed class DebianEtcdElectionTests() : EtcdElectionContract(new DebianEtcd());

[Needs("/usr/bin/etcdctl", "etcd-client")]
public sealed class OwnServerElectionTests() : EtcdElectionContract(new OwnServer());

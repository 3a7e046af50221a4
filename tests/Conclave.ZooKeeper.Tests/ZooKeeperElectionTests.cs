using System.Net;
using Conclave.Contract;
using Conclave.ZooKeeper.Wire;

namespace Conclave.ZooKeeper.Tests;

/// <summary>The contract of every election, with ZooKeeper.</summary>
[Needs(ZooKeeperServer.Jar, "zookeeper")]
[Needs(ZooKeeperServer.Java, "default-jre-headless")]
public sealed class ZooKeeperElectionTests : ServerElectionContract
{
    private readonly ZooKeeperServer _server = new();
    private readonly ElectionBench _bench;

    public ZooKeeperElectionTests() => _bench = Own(new ElectionBench(_server, Election));

    protected override string Folder => _server.Folder;

    protected override EndPoint ServerEndPoint => _server.EndPoint;

    protected override Task StartServerAsync() => _server.StartAsync();

    protected override Task KillServerAsync() => _server.KillAsync();

    protected override void SignalServer(Signal signal) => _server.Signal(signal);

    protected override Task DisposeServerAsync() => _server.DisposeAsync();

    protected override ILeaderElection NewCandidate(string value, TimeSpan ttl) => _bench.NewCandidate(value, ttl);

    protected override ILeaderElection NewCandidateThrough(string address, string value, TimeSpan ttl) => _bench.NewCandidate(value, ttl, address);

    protected override TimeSpan UsableOf(TimeSpan ttl) => ttl * 2 / 3;

    protected override RunningProcess NewChild(string gateFile, TimeSpan ttl, IReadOnlyDictionary<string, string>? environment) => _bench.NewChild(ttl, gateFile, environment);

    protected override async Task<int> CountStandingAsync() => (await _bench.StandingAsync()).Count;

    protected override async Task RemoveLeaderAsync() => await _bench.AskAsync(new DeleteRequest($"/{Election}/{(await _bench.StandingAsync())[0]}"));
}

using System.Net;
using Conclave.Contract;

namespace Conclave.Kubernetes.Tests;

/// <summary>The contract of every election, with a Kubernetes Lease.</summary>
public sealed class KubernetesElectionTests : ServerElectionContract
{
    private readonly KubernetesServer _server = new();
    private readonly ElectionBench _bench;

    public KubernetesElectionTests() => _bench = Own(new ElectionBench(_server, Election));

    protected override string Folder => _server.Folder;

    protected override EndPoint ServerEndPoint => _server.EndPoint;

    protected override Task StartServerAsync() => _server.StartAsync();

    protected override Task KillServerAsync() => _server.KillAsync();

    protected override void SignalServer(Signal signal) => _server.Signal(signal);

    protected override Task DisposeServerAsync() => _server.DisposeAsync();

    protected override ILeaderElection NewCandidate(string value, TimeSpan ttl) => _bench.NewCandidate(value, ttl);

    protected override ILeaderElection NewCandidateThrough(string address, string value, TimeSpan ttl) =>
        _bench.NewCandidate(value, ttl, _bench.Options with { Server = $"https://{address}" });

    protected override TimeSpan UsableOf(TimeSpan ttl) => LeaseClock.Usable(ttl, new LeaseOptions());

    protected override RunningProcess NewChild(string gateFile, TimeSpan ttl, IReadOnlyDictionary<string, string>? environment) =>
        _bench.NewChild(ttl, gateFile, environment);

    protected override Task<int> CountStandingAsync() => _bench.CountStandingAsync();

    protected override Task RemoveLeaderAsync() => _server.DeleteAsync(_bench.Lease);
}

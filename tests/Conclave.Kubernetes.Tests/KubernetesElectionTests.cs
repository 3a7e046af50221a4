using Conclave.Contract;

namespace Conclave.Kubernetes.Tests;

/// <summary>The contract of every election, with a Kubernetes Lease.</summary>
public sealed class KubernetesElectionTests : ElectionContract
{
    private readonly KubernetesServer _server = new();
    private readonly ElectionBench _bench;

    public KubernetesElectionTests() => _bench = Own(new ElectionBench(_server, Election));

    protected override string Folder => _server.Folder;

    protected override Task StartServerAsync() => _server.StartAsync();

    // A server without history cannot tell of a leader who came just before: observers get a moment to hear of it.
    protected override async Task KillServerAsync()
    {
        await Task.Delay(500);
        await _server.KillAsync();
    }

    protected override void SignalServer(Signal signal) => _server.Signal(signal);

    protected override Task DisposeServerAsync() => _server.DisposeAsync();

    protected override ILeaderElection NewCandidate(string value, TimeSpan ttl) => _bench.NewCandidate(value, ttl);

    protected override RunningProcess NewChild(string gateFile, TimeSpan ttl) => _bench.NewChild(ttl, gateFile);

    protected override Task<int> CountStandingAsync() => _bench.CountStandingAsync();

    protected override Task RemoveLeaderAsync() => _server.DeleteAsync(_bench.Lease);
}

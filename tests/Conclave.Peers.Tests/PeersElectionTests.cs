using Conclave.Contract;

namespace Conclave.Peers.Tests;

/// <summary>
/// The contract of elections between processes, with peers. What the contract asks of a server is asked of the majority in <see cref="MajorityTests"/>, and of the network between members, which is not one stream to one
/// address but many both ways, in <see cref="FaultTests"/>.
/// </summary>
public sealed class PeersElectionTests : ProcessElectionContract
{
    private readonly MajorityBench _bench;

    public PeersElectionTests() => _bench = Own(new MajorityBench());

    protected override string Folder => _bench.Folder;

    public override Task InitializeAsync() => _bench.StartAsync();

    protected override ILeaderElection NewCandidate(string value, TimeSpan ttl) => Own(_bench.NewCandidate(Election, value, ttl));

    protected override RunningProcess NewChild(string gateFile, TimeSpan ttl, IReadOnlyDictionary<string, string>? environment) => _bench.NewChild(Election, gateFile, ttl, environment);

    protected override async Task<int> CountStandingAsync() => (await _bench.StandingAsync(Election)).Count;
}

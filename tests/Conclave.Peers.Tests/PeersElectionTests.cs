using Conclave.Contract;
using Conclave.Store.Mvcc;
using static Conclave.Contract.Awaited;

namespace Conclave.Peers.Tests;

/// <summary>
/// The contract of every election, with peers. A group of five: three members in processes of their own are the majority, and so what a server is to other backends; the candidates stand at the fourth, which is
/// in the tests' process, or are the fifth, in a process of its own. The server away, hung or killed is the majority away, hung or killed.
/// </summary>
public sealed class PeersElectionTests : ElectionContract
{
    private const int Candidates = 3;
    private const int Child = 4;

    private readonly TestPeers _peers;
    private readonly List<RunningProcess> _majority = [];
    private PeerGroup? _group;

    public PeersElectionTests() => _peers = Own(new TestPeers(5));

    protected override string Folder => _peers.Folder;

    protected override async Task StartServerAsync()
    {
        _majority.Clear();
        _majority.AddRange([_peers.Member(0), _peers.Member(1), _peers.Member(2)]);
        _group ??= await _peers.JoinAsync(Candidates);
        foreach (var member in _majority)
            await member.LineAsync("started");
        await UntilAnsweredAsync(() => _group.ReadAsync(_ => true, default));
    }

    protected override async Task KillServerAsync()
    {
        SignalServer(Signal.Kill);
        foreach (var member in _majority)
            await member.ExitAsync();
    }

    protected override void SignalServer(Signal signal)
    {
        foreach (var member in _majority)
            member.Signal(signal);
    }

    protected override Task DisposeServerAsync() => Task.CompletedTask; // with the group, which is the first that is owned

    protected override ILeaderElection NewCandidate(string value, TimeSpan ttl) => Own(_group!.Election(Election, value, new LeaseOptions { Ttl = ttl }));

    protected override RunningProcess NewChild(string gateFile, TimeSpan ttl) => _peers.NewCandidate(Child, Election, gateFile, ttl);

    protected override async Task<int> CountStandingAsync() => (await StandingAsync()).Count;

    protected override async Task RemoveLeaderAsync()
    {
        var first = (await StandingAsync()).MinBy(candidacy => candidacy.CreateRevision.Value)!;
        await UntilAnsweredAsync(() => _group!.RunAsync(new Store.Command.DeleteRange(KeyRange.One(first.Key)), default));
    }

    private Task<IReadOnlyList<KeyValue>> StandingAsync() => UntilAnsweredAsync(() => _group!.ReadAsync(applier =>
    {
        applier.Store.Range(new RangeQuery(ElectionKeys.Of(Election)), out var standing);
        return standing.Kvs;
    }, default));

    private static async Task<T> UntilAnsweredAsync<T>(Func<Task<T>> ask)
    {
        using var late = new CancellationTokenSource(Deadline);
        while (true)
        {
            try
            {
                return await ask();
            }
            catch (NoAnswerException)
            {
                await Task.Delay(20, late.Token);
            }
        }
    }
}

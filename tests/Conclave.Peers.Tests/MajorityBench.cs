using Conclave.Contract;
using Conclave.Store.Mvcc;
using static Conclave.Contract.Awaited;

namespace Conclave.Peers.Tests;

/// <summary>
/// What the contract needs, and what a server is to other backends: a group of five, three members of which are in processes of their own and the majority. Candidates stand at the fourth, which is in the tests'
/// process, or are the fifth, in a process of its own.
/// </summary>
internal sealed class MajorityBench : IAsyncDisposable
{
    private const int Candidates = 3;
    private const int Child = 4;

    private readonly TestPeers _peers = new(5);
    private readonly List<RunningProcess> _majority = [];
    private PeerGroup? _group;

    public string Folder => _peers.Folder;

    /// <summary>Starts the majority, the first time or again on its data, and waits until it answers.</summary>
    public async Task StartAsync()
    {
        _majority.Clear();
        _majority.AddRange([_peers.Member(0), _peers.Member(1), _peers.Member(2)]);
        _group ??= await _peers.JoinAsync(Candidates);
        foreach (var member in _majority)
            await member.LineAsync("started");
        await UntilAnsweredAsync(() => _group.ReadAsync(_ => true, default));
    }

    public async Task KillAsync()
    {
        Signal(Contract.Signal.Kill);
        foreach (var member in _majority)
            await member.ExitAsync();
    }

    public void Signal(Signal signal)
    {
        foreach (var member in _majority)
            member.Signal(signal);
    }

    public PeerElection NewCandidate(string election, string value, TimeSpan ttl) => _group!.Election(election, value, new LeaseOptions { Ttl = ttl });

    public RunningProcess NewChild(string election, string gateFile, TimeSpan ttl, IReadOnlyDictionary<string, string>? environment) =>
        _peers.NewCandidate(Child, election, gateFile, ttl, environment);

    /// <summary>Candidacies, the leader's first.</summary>
    public async Task<IReadOnlyList<KeyValue>> StandingAsync(string election)
    {
        var standing = await UntilAnsweredAsync(() => _group!.ReadAsync(applier =>
        {
            applier.Store.Range(new RangeQuery(ElectionKeys.Of(election)), out var found);
            return found.Kvs;
        }, default));
        return [.. standing.OrderBy(candidacy => candidacy.CreateRevision.Value)];
    }

    public async Task RemoveLeaderAsync(string election)
    {
        var first = (await StandingAsync(election))[0];
        await UntilAnsweredAsync(() => _group!.RunAsync(new Store.Command.DeleteRange(KeyRange.One(first.Key)), default));
    }

    public ValueTask DisposeAsync() => _peers.DisposeAsync();

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

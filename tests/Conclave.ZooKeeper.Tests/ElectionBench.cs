using Conclave.Contract;
using Conclave.ZooKeeper.Wire;
using static Conclave.Contract.Awaited;

namespace Conclave.ZooKeeper.Tests;

/// <summary>What every test of an election needs: candidates at one server, a look at the nodes behind our back, and conditions awaited by name.</summary>
internal sealed class ElectionBench(ZooKeeperServer server, string election) : IAsyncDisposable
{
    // Long enough that a busy machine costs nobody a session by accident; tests that wait for an end take the short one.
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(20);
    public static readonly TimeSpan Short = TimeSpan.FromSeconds(2);

    private readonly List<IAsyncDisposable> _owned = [];
    private ZooKeeperClient? _onlooker;

    public string Election => election;

    public ZooKeeperElection NewCandidate(string value, TimeSpan? session = null, string? through = null, ZooKeeperNodeNames nodeNames = ZooKeeperNodeNames.Kazoo) =>
        Own(new ZooKeeperElection(NewClient(session, through), election, new ZooKeeperElectionOptions { Value = value, NodeNames = nodeNames }));

    public ZooKeeperClient NewClient(TimeSpan? session = null, string? through = null, string? credentials = null) => Own(new ZooKeeperClient(new ZooKeeperClientOptions
    {
        Servers = [through ?? server.Address],
        SessionTimeout = session ?? Long,
        AnswerTimeout = TimeSpan.FromSeconds(Math.Min(2, (session ?? Long).TotalSeconds / 6)),
        WithdrawTimeout = TimeSpan.FromSeconds(1),
        TryTimeout = TimeSpan.FromSeconds(3),
        RetryIntervalMax = TimeSpan.FromMilliseconds(200),
        Credentials = credentials,
    }));

    public RunningProcess NewChild(TimeSpan session, string? gateFile = null, IReadOnlyDictionary<string, string>? environment = null) => new(Environment.ProcessPath!,
    [
        typeof(Candidate).Assembly.Location, server.Address, election, gateFile ?? Path.Combine(server.Folder, $"token-{Guid.NewGuid():n}"), $"{session.TotalMilliseconds}",
    ], server.Folder, environment);

    public T Own<T>(T owned)
        where T : IAsyncDisposable
    {
        lock (_owned)
            _owned.Add(owned);
        return owned;
    }

    /// <summary>The nodes of all candidates, the leader's first.</summary>
    public async Task<IReadOnlyList<string>> StandingAsync()
    {
        try
        {
            var children = await AskAsync(new GetChildrenRequest("/" + election));
            return [.. children.Names.OrderBy(name => name[^10..], StringComparer.Ordinal)];
        }
        catch (ZooKeeperException none) when (none.Code is ErrorCode.NoNode)
        {
            return [];
        }
    }

    public async Task UntilStandAsync(int count) => await UntilAsync($"{count} stand", async () => (await StandingAsync()).Count == count);

    /// <summary>Through a session of its own, which no fault of the test's candidates touches.</summary>
    public async Task<TAnswer> AskAsync<TAnswer>(Request<TAnswer> request)
    {
        _onlooker ??= NewClient();
        while (true)
        {
            try
            {
                var session = await _onlooker.EnterSessionAsync(default);
                return await session.AskAsync(request, default).WaitAsync(Deadline);
            }
            catch (Exception away) when (ZooKeeperFault.IsSilence(away))
            {
                await Task.Delay(20);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
            await owned.DisposeAsync();
    }
}

/// <summary>Writes a node: what an election of ours never does.</summary>
internal sealed record WriteRequest(string Path, byte[] Content) : Request<Done>
{
    public override int Operation => 5;

    public override void Write(JuteWriter writer)
    {
        writer.WriteString(Path);
        writer.WriteBuffer(Content);
        writer.WriteInt(-1);
    }

    public override Done Read(ref JuteReader answer) => default;

    public override string ToString() => $"setData {Path}";
}

using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Conclave.Orchestration;
using Conclave.ZooKeeper;
using Conclave.ZooKeeper.Wire;

namespace Conclave.Cli.Elections;

/// <summary>
/// The elections and locks of a ZooKeeper ensemble. What counts as one: a node with children that are called <c>...__lock__</c> and ten digits, as Conclave's and kazoo's candidates are.
/// </summary>
internal sealed class ZooKeeperElections : IElections
{
    /// <summary>Looking at all nodes of a tree that is not ours must end somewhere.</summary>
    public const int NodesMax = 100_000;

    private readonly ZooKeeperClient _client;

    private ZooKeeperElections(ZooKeeperClient client) => _client = client;

    public static ElectionBackend Backend { get; } = new()
    {
        Name = "zookeeper",
        Summary = "zookeeper",
        EndpointVariable = "ZOOKEEPER_ENDPOINT",
        EndpointDefault = "127.0.0.1:2181",
        DefaultTtl = TimeSpan.FromSeconds(20),
        LeaseRoom = ttl => LeaseClock.Usable(ttl * 2 / 3, new LeaseOptions { StopMargin = TimeSpan.Zero }) - (ttl / 3) - AnswerTimeout(ttl),
        Open = Open,
        OptionWords =
        [
            ($"{nameof(ZooKeeperClientOptions)}.{nameof(ZooKeeperClientOptions.Credentials)}", "user_file=FILE in --endpoints, whose first line is NAME:PASSWORD,"),
            ($"{nameof(ZooKeeperClientOptions)}.{nameof(ZooKeeperClientOptions.Servers)}", "--endpoints"),
        ],
    };

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    public ILeaderElection Candidate(string name, string value)
    {
        try
        {
            return new ZooKeeperElection(_client, name, new ZooKeeperElectionOptions { Value = value });
        }
        catch (ArgumentException wrong)
        {
            throw new ConclaveException(
                string.IsNullOrWhiteSpace(name) ? "the election's name is empty; write one such as billing/dialer" : $"{wrong.Message.Split(" (Parameter", 2)[0].TrimEnd('.')}; write one such as billing/dialer",
                ExitCode.Usage,
                wrong);
        }
    }

    public async Task<ImmutableArray<FoundElection>> ListAsync(string prefix, CancellationToken cancellation)
    {
        var found = new SortedDictionary<string, FoundElection>(StringComparer.Ordinal);
        var left = new Stack<string>(["/"]);
        await SyncAsync(prefix, "/", cancellation);
        for (var seen = 0; left.TryPop(out var path); seen++)
        {
            if (seen == NodesMax)
                throw new ConclaveException($"there are more than {NodesMax} nodes to look through; name the beginning of what you look for with --prefix");
            var children = await ChildrenAsync(path, cancellation);
            var name = path[1..];
            if (name.StartsWith(prefix, StringComparison.Ordinal) && await StandingAsync(path, children, most: 1, cancellation) is [var leader])
                found.Add(name, new FoundElection(name, leader, children.Count(IsCandidate)));
            foreach (var child in children.Where(child => !IsCandidate(child)).Select(child => Below(path, child)).Where(child => child != "/zookeeper" && MayLead(child[1..], prefix)))
                left.Push(child);
        }

        return [.. found.Values];
    }

    public async Task<ImmutableArray<StandingCandidate>> StandingAsync(string name, CancellationToken cancellation)
    {
        var path = ElectionPath.Of(name).Path;
        await SyncAsync(name, path, cancellation);
        return await StandingAsync(path, await ChildrenAsync(path, cancellation), most: int.MaxValue, cancellation);
    }

    /// <summary>A server tells nobody how long the sessions of others last.</summary>
    public Task<LeaseTerm?> LeaseAsync(StandingCandidate candidate, CancellationToken cancellation) => Task.FromResult<LeaseTerm?>(null);

    /// <summary>A candidate's node is never made again under the same name, so the name alone says which candidacy is meant.</summary>
    public async Task<bool> RemoveAsync(string name, StandingCandidate candidate, CancellationToken cancellation)
    {
        try
        {
            await AskAsync(new DeleteRequest(candidate.Key), cancellation);
            return true;
        }
        catch (ZooKeeperException gone) when (gone.Code is ErrorCode.NoNode)
        {
            return false;
        }
        catch (ZooKeeperException fault)
        {
            throw ZooKeeperFault.ToElection(name, fault);
        }
        catch (ElectionUnavailableException unknown)
        {
            throw new ElectionException($"no answer came to the request that ends the leadership of {candidate.Value}, so it may be over or not; 'conclave election show' tells", unknown);
        }
    }

    private static ZooKeeperElections Open(ImmutableArray<string> endpoints, TimeSpan ttl)
    {
        var said = AddressQuery.Of(endpoints, "user_file");
        var options = new ZooKeeperClientOptions { Servers = said.Addresses, Credentials = said.LineOf("user_file"), SessionTimeout = ttl, AnswerTimeout = AnswerTimeout(ttl) };
        try
        {
            return new ZooKeeperElections(new ZooKeeperClient(options));
        }
        catch (ArgumentException refused) when (refused.ParamName == nameof(options.Credentials))
        {
            throw new ConclaveException("--endpoints: user_file: the file's first line must be NAME:PASSWORD", ExitCode.Usage, refused);
        }
        catch (ArgumentException refused)
        {
            throw new ConclaveException($"--endpoints {string.Join(',', endpoints)} names no servers of ZooKeeper; write host:port, with commas between", ExitCode.Usage, refused);
        }
    }

    // Short, so that after a server that does not answer there is time for another before the program would have to be ended.
    private static TimeSpan AnswerTimeout(TimeSpan ttl) => ttl / 12;

    private static bool IsCandidate(string child) => Naming.TryParseAny(child, out _);

    private static string Below(string path, string child) => path == "/" ? path + child : $"{path}/{child}";

    /// <summary>Whether something at or below the path can have a name that begins so.</summary>
    private static bool MayLead(string path, string prefix) =>
        path.StartsWith(prefix, StringComparison.Ordinal) || prefix.StartsWith(path + "/", StringComparison.Ordinal);

    private async Task<ImmutableArray<StandingCandidate>> StandingAsync(string path, IEnumerable<string> children, int most, CancellationToken cancellation)
    {
        var standing = ImmutableArray.CreateBuilder<StandingCandidate>();
        foreach (var contender in children.Select(child => (IsOne: Naming.TryParseAny(child, out var one), One: one)).Where(child => child.IsOne).Select(child => child.One).Order())
        {
            if (standing.Count == most)
                break;
            var key = Below(path, contender.Name);
            try
            {
                var content = await AskAsync(new GetDataRequest(key, Watch: false), cancellation);
                var session = content.Stat.EphemeralOwner;
                standing.Add(new StandingCandidate(
                    key, Encoding.UTF8.GetString(content.Bytes), new FencingToken(content.Stat.Czxid), session == 0 ? null : "0x" + session.ToString("x", CultureInfo.InvariantCulture)));
            }
            catch (ZooKeeperException gone) when (gone.Code is ErrorCode.NoNode)
            {
                // Withdrawn in this moment; the next one moves up.
            }
            catch (ZooKeeperException fault)
            {
                throw ZooKeeperFault.ToElection(path[1..], fault);
            }
        }

        return standing.ToImmutable();
    }

    /// <summary>None where there is no node, or none that we may look into.</summary>
    private async Task<string[]> ChildrenAsync(string path, CancellationToken cancellation)
    {
        try
        {
            return (await AskAsync(new GetChildrenRequest(path), cancellation)).Names;
        }
        catch (ZooKeeperException none) when (none.Code is ErrorCode.NoNode or ErrorCode.NoAuth)
        {
            return [];
        }
        catch (ZooKeeperException fault)
        {
            throw ZooKeeperFault.ToElection(path[1..], fault);
        }
    }

    /// <summary>The server that we are connected to may be behind what others have been told.</summary>
    private async Task SyncAsync(string name, string path, CancellationToken cancellation)
    {
        try
        {
            await AskAsync(new SyncRequest(path), cancellation);
        }
        catch (ZooKeeperException fault)
        {
            throw ZooKeeperFault.ToElection(name, fault);
        }
    }

    private async Task<TAnswer> AskAsync<TAnswer>(Request<TAnswer> request, CancellationToken cancellation)
    {
        try
        {
            var session = await _client.EnterSessionAsync(cancellation);
            return await session.AskAsync(request, cancellation);
        }
        catch (Exception silence) when (ZooKeeperFault.IsSilence(silence))
        {
            throw new ElectionUnavailableException($"ZooKeeper did not answer: {silence.Message}", silence);
        }
    }
}

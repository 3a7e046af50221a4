using System.Runtime.CompilerServices;
using System.Text;
using Conclave.ZooKeeper.Wire;

namespace Conclave.ZooKeeper;

/// <summary>
/// An election in ZooKeeper by the classic recipe: every candidate makes an ephemeral node with a number, the smallest leads, each waits for the one before it.
/// Nodes are named as kazoo's are, unless <see cref="ZooKeeperElectionOptions.NodeNames"/> says otherwise, so its <c>Election</c> and <c>Lock</c> with the path <c>/NAME</c> stand in the same election. The token is the leader's node's <c>czxid</c>. Thread-safe.
/// </summary>
public sealed class ZooKeeperElection : ILeaderElection
{
    /// <summary>A server takes requests up to 1 MiB; an observer reads the nodes of all candidates.</summary>
    public const int ValueBytesMax = 64 * 1024;

    private readonly ZooKeeperClient _client;
    private readonly ElectionPath _path;
    private readonly ZooKeeperElectionOptions _options;
    private readonly Participation _participation;

    /// <param name="client">May carry many elections; not disposed with this one.</param>
    /// <param name="name">The election's name: in ZooKeeper a path, without the slash in front. The nodes on it are made when first needed, and stay.</param>
    /// <param name="options">Checked here.</param>
    /// <exception cref="ArgumentException">The name is no path that ZooKeeper takes, or the value is too long; the message says why.</exception>
    public ZooKeeperElection(ZooKeeperClient client, string name, ZooKeeperElectionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _options = options ?? new ZooKeeperElectionOptions();
        ArgumentNullException.ThrowIfNull(_options.Value, nameof(options));
        if (Encoding.UTF8.GetByteCount(_options.Value) > ValueBytesMax)
            throw new ArgumentException($"{nameof(ZooKeeperElectionOptions)}.{nameof(ZooKeeperElectionOptions.Value)} has at most {ValueBytesMax} bytes.", nameof(options));
        if (!Enum.IsDefined(_options.NodeNames))
            throw new ArgumentException($"{nameof(ZooKeeperElectionOptions)}.{nameof(ZooKeeperElectionOptions.NodeNames)} is {_options.NodeNames}: choose one of {string.Join(", ", Enum.GetNames<ZooKeeperNodeNames>())}.", nameof(options));
        _path = ElectionPath.Of(name, _options.NodeNames);
        Name = name;
        _participation = new Participation(name, "Make a second election object for a second candidate.");
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public Guarantee Guarantee => Guarantee.Exclusive;

    /// <inheritdoc/>
    public Task<Leadership> CampaignAsync(CancellationToken cancellation) => TakePartAsync(CampaignUntilElectedAsync, cancellation);

    /// <inheritdoc/>
    public Task<Leadership?> TryCampaignAsync(CancellationToken cancellation) => TakePartAsync(
        withdrawn => WithinTryTimeoutAsync(
            async over => await StandAsync(await SessionAsync(over).ConfigureAwait(false), (candidacy, ended) => candidacy.IsFirstAsync(ended), over).ConfigureAwait(false),
            withdrawn),
        cancellation);

    /// <inheritdoc/>
    public async Task<Leader?> GetLeaderAsync(CancellationToken cancellation)
    {
        try
        {
            return await WithinTryTimeoutAsync(over => UntilAnsweredAsync(() => ReadLeaderAsync(over), over), cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (ZooKeeperFault.IsFault(fault))
        {
            throw ZooKeeperFault.ToElection(Name, fault);
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// ZooKeeper keeps no history, so what happened while there was no connection can be told only where just one course of events fits what was seen before and
    /// after; else the observation ends with <see cref="ElectionHistoryLostException"/>. Of values written in quick succession the last is told.
    /// </remarks>
    public async IAsyncEnumerable<Leader?> ObserveAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var succession = new Succession(_path.Naming);
        var backoff = _client.NewBackoff();
        while (true)
        {
            using (var feed = await UntilAnsweredAsync(() => OpenFeedAsync(cancellation), cancellation).ConfigureAwait(false))
            {
                while (await NextAsync(feed, cancellation).ConfigureAwait(false) is { } sighting)
                {
                    succession.Apply(sighting);
                    while (succession.TryTell(out var leader))
                        yield return leader;
                    if (succession.IsHistoryLost)
                        throw new ElectionHistoryLostException($"Election {Name}: leaders came and went unseen. Observe again to start from the leader of now.");
                }
            }

            succession.Interrupt();
            await backoff.PauseAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _participation.DisposeAsync();

    /// <summary>A campaign of either kind, with faults in the words of elections.</summary>
    private Task<T> TakePartAsync<T>(Func<CancellationToken, Task<T>> campaign, CancellationToken cancellation)
        where T : class? => _participation.CampaignAsync(async withdrawn =>
        {
            try
            {
                return await campaign(withdrawn).ConfigureAwait(false);
            }
            catch (Exception fault) when (ZooKeeperFault.IsFault(fault))
            {
                withdrawn.ThrowIfCancellationRequested();
                throw ZooKeeperFault.ToElection(Name, fault);
            }
        }, cancellation);

    private async Task<Leadership> CampaignUntilElectedAsync(CancellationToken withdrawn)
    {
        var backoff = _client.NewBackoff();
        while (true)
        {
            var session = await SessionAsync(withdrawn).ConfigureAwait(false);
            var leadership = await StandAsync(session, (candidacy, over) => candidacy.WaitForTurnAsync(over), withdrawn).ConfigureAwait(false);
            if (leadership is not null)
                return leadership;

            // Not elected and not withdrawn: the session ended or the node was removed while we waited. We go to the end of the line.
            await backoff.PauseAsync(withdrawn).ConfigureAwait(false);
        }
    }

    /// <summary>One candidacy in one session. Null when it came to nothing; whatever happens, a candidacy that did not win is withdrawn.</summary>
    private async Task<Leadership?> StandAsync(Session session, Func<Candidacy, CancellationToken, Task<bool>> stand, CancellationToken withdrawn)
    {
        var candidacy = new Candidacy(_client, session, _path, _options.Value);
        var elected = false;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(withdrawn, session.Timer.Ended);
        try
        {
            await candidacy.EnterAsync(over.Token).ConfigureAwait(false);
            elected = await stand(candidacy, over.Token).ConfigureAwait(false) && session.Timer.IsHeld;
            return elected ? Lead(candidacy) : null;
        }
        catch (Exception ended) when (ended is OperationCanceledException or SessionOverException && !withdrawn.IsCancellationRequested)
        {
            if (session.Refusal is not null)
                throw session.Refusal;
            return null;
        }
        finally
        {
            if (!elected)
                await candidacy.WithdrawAsync().ConfigureAwait(false);
        }
    }

    private Leadership Lead(Candidacy candidacy)
    {
        var source = new LeadershipSource(Name, candidacy.Leader, candidacy.Session.Timer, candidacy.WithdrawAsync);
        candidacy.WatchOver(source);
        return source.Leadership;
    }

    private async Task<Leader?> ReadLeaderAsync(CancellationToken cancellation)
    {
        var session = await _client.EnterSessionAsync(cancellation).ConfigureAwait(false);
        await session.AskAsync(new SyncRequest(_path.Path), cancellation).ConfigureAwait(false);
        while (true)
        {
            Contender first;
            try
            {
                var children = await session.AskAsync(new GetChildrenRequest(_path.Path), cancellation).ConfigureAwait(false);
                if (Standing.FirstOf(children.Names, _path.Naming) is not { } leading)
                    return null;
                first = leading;
            }
            catch (ZooKeeperException none) when (none.Code is ErrorCode.NoNode)
            {
                return null; // nobody has ever stood
            }

            try
            {
                return ElectionFeed.ToLeader(await session.AskAsync(new GetDataRequest(_path[first.Name], Watch: false), cancellation).ConfigureAwait(false));
            }
            catch (ZooKeeperException gone) when (gone.Code is ErrorCode.NoNode)
            {
                // Resigned in this moment: who is next?
            }
        }
    }

    private async Task<ElectionFeed> OpenFeedAsync(CancellationToken cancellation)
    {
        try
        {
            var session = await _client.EnterSessionAsync(cancellation).ConfigureAwait(false);
            return await ElectionFeed.OpenAsync(session, _path, _client.Options.ObserverQueueMax, cancellation).ConfigureAwait(false);
        }
        catch (ZooKeeperException fault)
        {
            throw ZooKeeperFault.ToElection(Name, fault);
        }
    }

    private async Task<Sighting?> NextAsync(ElectionFeed feed, CancellationToken cancellation)
    {
        try
        {
            return await feed.NextAsync(cancellation).ConfigureAwait(false);
        }
        catch (ZooKeeperException fault)
        {
            throw ZooKeeperFault.ToElection(Name, fault);
        }
    }

    private Task<Session> SessionAsync(CancellationToken cancellation) => UntilAnsweredAsync(() => _client.EnterSessionAsync(cancellation), cancellation);

    private async Task<T> WithinTryTimeoutAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(_client.Options.TryTimeout, _client.Time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        try
        {
            return await ask(over.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException slow) when (!cancellation.IsCancellationRequested)
        {
            throw new ElectionUnavailableException(
                $"Election {Name}: ZooKeeper did not answer within {_client.Options.TryTimeout.TotalSeconds:0.#} s ({_client.LastFault ?? "a session was open"}). Check {nameof(ZooKeeperClientOptions)}.{nameof(ZooKeeperClientOptions.Servers)}.", slow);
        }
    }

    private async Task<T> UntilAnsweredAsync<T>(Func<Task<T>> ask, CancellationToken cancellation)
    {
        var backoff = _client.NewBackoff();
        while (true)
        {
            try
            {
                return await ask().ConfigureAwait(false);
            }
            catch (Exception fault) when (ZooKeeperFault.IsSilence(fault))
            {
                await backoff.PauseAsync(cancellation).ConfigureAwait(false);
            }
        }
    }
}

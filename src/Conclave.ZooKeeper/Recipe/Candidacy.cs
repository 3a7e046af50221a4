using System.Diagnostics.CodeAnalysis;
using System.Text;
using Conclave.ZooKeeper.Wire;

namespace Conclave.ZooKeeper;

/// <summary>
/// One node in one election: entering, waiting for the turn, noticing that it was removed, leaving. Its name holds a GUID made for it alone and it goes with one
/// session, so no candidacy can take another's node for its own. One task at a time drives it, but for <see cref="WithdrawAsync"/>, which comes last.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "WithdrawAsync, which every candidacy ends with, disposes it.")]
internal sealed class Candidacy(ZooKeeperClient client, Session session, ElectionPath election, string value)
{
    private readonly string _prefix = election.Naming.NewPrefix();
    private readonly CancellationTokenSource _watching = new();
    private Task _watch = Task.CompletedTask;
    private bool _creationSent;
    private string? _name;
    private Leader? _leader;

    public Session Session => session;

    /// <summary>What would be, or is, the leadership of this candidacy. Known once it has entered.</summary>
    public Leader Leader => _leader ?? throw new InvalidOperationException("The candidacy has not entered.");

    /// <summary>Stands for election, behind whoever stands already.</summary>
    /// <exception cref="ElectionException">The numbers of the election's node are used up.</exception>
    public async Task EnterAsync(CancellationToken cancellation)
    {
        await CreateAsync(cancellation).ConfigureAwait(false);

        // The server's number starts over below zero: everybody would think that this newest candidate stands first.
        if (election.Naming.TryParse(_name!, out var own) && own.Number < 0)
            throw new ElectionException($"{election.Path} has had more candidates than ZooKeeper can number. Stop all candidates, delete the node {election.Path} and start them again.");
    }

    /// <summary>Whether nobody stands before us, asked once.</summary>
    public async Task<bool> IsFirstAsync(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await StandingAsync(cancellation).ConfigureAwait(false) is Standing.First;
            }
            catch (ConnectionLostException)
            {
                // Asked again on the session's next connection.
            }
        }
    }

    /// <summary>Waits until nobody stands before us. False when somebody removed our node meanwhile.</summary>
    public async Task<bool> WaitForTurnAsync(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                switch (await StandingAsync(cancellation).ConfigureAwait(false))
                {
                    case Standing.First:
                        return true;
                    case Standing.Gone:
                        return false;
                    case Standing.Behind behind:
                        await ChangeOfAsync(behind.Predecessor, cancellation).ConfigureAwait(false);
                        break;
                    default:
                        throw new System.Diagnostics.UnreachableException();
                }
            }
            catch (ConnectionLostException)
            {
                // Asked again on the session's next connection.
            }
        }
    }

    /// <summary>Watches the node under the leadership until the withdrawal and says so if it goes away although the session lives.</summary>
    public void WatchOver(LeadershipSource leadership) => _watch = WatchOverAsync(leadership, _watching.Token);

    /// <summary>
    /// Takes the candidacy back. Never throws for silent servers, and is unknown then, while it is tried on in the background. To be called once.
    /// </summary>
    public async Task<ResignResult> WithdrawAsync()
    {
        await _watching.CancelAsync().ConfigureAwait(false);
        await _watch.ConfigureAwait(false);
        _watching.Dispose();
        if (!client.TryKeep(RemoveAsync, out var removal))
            return ResignResult.Unknown; // closing the session removes the node, if the servers heard of it
        try
        {
            return await removal.WaitAsync(client.Options.WithdrawTimeout, client.Time).ConfigureAwait(false) ? ResignResult.Released : ResignResult.Unknown;
        }
        catch (TimeoutException)
        {
            return ResignResult.Unknown;
        }
    }

    private async Task CreateAsync(CancellationToken cancellation)
    {
        var access = client.Options.Credentials is null ? Access.Open : Access.Creator;
        var request = new CreateRequest(election[_prefix], Encoding.UTF8.GetBytes(value), access, IsCandidate: true);
        var isAncestryMissing = false;
        ZooKeeperException? refusal = null;
        while (true)
        {
            try
            {
                if (isAncestryMissing)
                    refusal = await CreateAncestryAsync(access, cancellation).ConfigureAwait(false);
                isAncestryMissing = false;
                if (_creationSent && await FindAsync(cancellation).ConfigureAwait(false))
                    return;
                _creationSent = true;
                var created = await session.AskAsync(request, cancellation).ConfigureAwait(false);
                Own(created.Path[(created.Path.LastIndexOf('/') + 1)..], created.Stat);
                return;
            }
            catch (ConnectionLostException)
            {
                // It may have been created: looked for on the session's next connection.
            }
            catch (ZooKeeperException missing) when (missing.Code is ErrorCode.NoNode && !isAncestryMissing)
            {
                if (refusal is not null)
                    throw refusal; // still missing: nobody else makes it for us
                isAncestryMissing = true;
            }
        }
    }

    /// <summary>Makes the nodes that are missing. Returns what was refused, which a server says of nodes that exist as well.</summary>
    private async Task<ZooKeeperException?> CreateAncestryAsync(Access access, CancellationToken cancellation)
    {
        ZooKeeperException? refusal = null;
        foreach (var path in election.Ancestry)
        {
            try
            {
                // Other elections may lie below the same ancestors, so those are everybody's.
                var whose = path == election.Path ? access : Access.Open;
                await session.AskAsync(new CreateRequest(path, [], whose, IsCandidate: false), cancellation).ConfigureAwait(false);
            }
            catch (ZooKeeperException there) when (there.Code is ErrorCode.NodeExists)
            {
                // Somebody's, most often.
            }
            catch (ZooKeeperException refused) when (refused.Code is ErrorCode.NoAuth)
            {
                refusal = refused;
            }
            catch (ZooKeeperException missing) when (missing.Code is ErrorCode.NoNode && refusal is not null)
            {
                throw refusal;
            }
        }

        return refusal;
    }

    /// <summary>
    /// Looks for a node whose creation was not answered. What it finds is certain: creations that an older connection of this session sent are done or refused (the
    /// session has moved) by the time the leader takes part in <c>sync</c>, and our server is then no older than that.
    /// </summary>
    private async Task<bool> FindAsync(CancellationToken cancellation)
    {
        await session.AskAsync(new SyncRequest(election.Path), cancellation).ConfigureAwait(false);
        foreach (var name in (await ChildrenAsync(cancellation).ConfigureAwait(false)).Where(name => name.StartsWith(_prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            try
            {
                var content = await session.AskAsync(new GetDataRequest(election[name], Watch: false), cancellation).ConfigureAwait(false);
                if (content.Stat.EphemeralOwner != session.Id)
                    continue;
                Own(name, content.Stat);
                return true;
            }
            catch (ZooKeeperException gone) when (gone.Code is ErrorCode.NoNode)
            {
                // Removed by somebody in this moment.
            }
        }

        return false;
    }

    private void Own(string name, Stat stat) => (_name, _leader) = (name, new Leader(value, new FencingToken(stat.Czxid)));

    private async Task<Standing> StandingAsync(CancellationToken cancellation) => Standing.Of(_name!, await ChildrenAsync(cancellation).ConfigureAwait(false), election.Naming);

    private async Task<string[]> ChildrenAsync(CancellationToken cancellation)
    {
        try
        {
            return (await session.AskAsync(new GetChildrenRequest(election.Path), cancellation).ConfigureAwait(false)).Names;
        }
        catch (ZooKeeperException gone) when (gone.Code is ErrorCode.NoNode)
        {
            return [];
        }
    }

    /// <summary>Waits until a node is written or deleted; returns at once when there is none.</summary>
    private async Task ChangeOfAsync(string name, CancellationToken cancellation)
    {
        try
        {
            var (_, watch) = await session.WatchAsync(election[name], cancellation).ConfigureAwait(false);
            using (watch)
                await watch.Fired.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (ZooKeeperException gone) when (gone.Code is ErrorCode.NoNode)
        {
            // Which is what we wait for.
        }
    }

    private async Task WatchOverAsync(LeadershipSource leadership, CancellationToken withdrawn)
    {
        try
        {
            while (true)
            {
                try
                {
                    var (_, watch) = await session.WatchAsync(election[_name!], withdrawn).ConfigureAwait(false);
                    using (watch)
                        await watch.Fired.WaitAsync(withdrawn).ConfigureAwait(false);
                }
                catch (ConnectionLostException)
                {
                    // Silence is for the session's clock to judge.
                }
                catch (ZooKeeperException gone) when (gone.Code is ErrorCode.NoNode)
                {
                    leadership.Lose(LossReason.Removed);
                    return;
                }
            }
        }
        catch (OperationCanceledException) when (withdrawn.IsCancellationRequested)
        {
            // The leadership is over and somebody waits for this watch to end.
        }
        catch (Exception fault) when (ZooKeeperFault.IsFault(fault))
        {
            // The session is over, and the leadership with it; or the access list was changed and no longer lets us read: the session still says whether we lead.
        }
    }

    /// <summary>
    /// Removes the node, for as long as our session lasts; then, if its name is known, through a later session, for as long as a withdrawal may take. What is not
    /// removed goes with the session that made it, which nobody renews any more.
    /// </summary>
    private async Task<bool> RemoveAsync(CancellationToken stopping)
    {
        using var patience = new CancellationTokenSource(client.Options.WithdrawTimeout, client.Time);
        using var late = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, stopping);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(session.Timer.Ended, stopping);
        try
        {
            try
            {
                if (await RemoveAsync(session, over.Token).ConfigureAwait(false))
                    return true;
            }
            catch (Exception ended) when (ended is SessionOverException or OperationCanceledException)
            {
                // Another session may delete what this one made.
            }

            return _name is not null && await RemoveAsync(await OtherSessionAsync(late.Token).ConfigureAwait(false), late.Token).ConfigureAwait(false);
        }
        catch (Exception fault) when (ZooKeeperFault.IsFault(fault) || fault is OperationCanceledException or ObjectDisposedException)
        {
            return false;
        }
    }

    private async Task<bool> RemoveAsync(Session through, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                if (!_creationSent || (_name is null && !await FindAsync(cancellation).ConfigureAwait(false)))
                    return true;
                await through.AskAsync(new DeleteRequest(election[_name!]), cancellation).ConfigureAwait(false);
                return true;
            }
            catch (ConnectionLostException)
            {
                // Deleting twice does no harm: the name is never used again.
            }
            catch (ZooKeeperException gone) when (gone.Code is ErrorCode.NoNode)
            {
                return true;
            }
        }
    }

    private async Task<Session> OtherSessionAsync(CancellationToken cancellation)
    {
        var backoff = client.NewBackoff();
        while (true)
        {
            try
            {
                return await client.EnterSessionAsync(cancellation).ConfigureAwait(false);
            }
            catch (ConnectionLostException)
            {
                await backoff.PauseAsync(cancellation).ConfigureAwait(false);
            }
        }
    }
}

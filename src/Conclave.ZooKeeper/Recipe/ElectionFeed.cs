using System.Text;
using System.Threading.Channels;
using Conclave.ZooKeeper.Wire;

namespace Conclave.ZooKeeper;

/// <summary>
/// What happens in one election, over one connection: a list, then every creation and deletion, and what each candidate's node says. It ends with the connection, or when its
/// reader falls too far behind.
/// </summary>
internal sealed class ElectionFeed : IDisposable
{
    private readonly Connection _connection;
    private readonly ElectionPath _election;
    private readonly int _queueMax;
    private readonly Channel<Sighting> _sightings = Channel.CreateUnbounded<Sighting>();
    private readonly IDisposable _listening;
    private ZooKeeperException? _refusal;
    private bool _isListed;
    private int _listed;

    private ElectionFeed(Connection connection, ElectionPath election, int queueMax)
    {
        (_connection, _election, _queueMax) = (connection, election, queueMax);

        // A follower may be behind what this client has seen through another connection.
        Ask(new SyncRequest(election.Path), static (_, _) => { });
        _listening = connection.Listen(election.Path, Take, (error, _) =>
        {
            if (error is not ErrorCode.Ok)
                End(error, "addWatch");
        });
        List();
    }

    /// <exception cref="ConnectionLostException">The connection has ended by now.</exception>
    public static async Task<ElectionFeed> OpenAsync(Session session, ElectionPath election, int queueMax, CancellationToken cancellation) =>
        new(await session.ConnectionAsync(cancellation).ConfigureAwait(false), election, queueMax);

    /// <summary>The next sighting; null when the feed has ended.</summary>
    /// <exception cref="ZooKeeperException">The server refused to tell.</exception>
    public async ValueTask<Sighting?> NextAsync(CancellationToken cancellation)
    {
        while (await _sightings.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false))
        {
            if (_sightings.Reader.TryRead(out var sighting))
                return sighting;
        }

        if (_refusal is not null)
            throw _refusal;
        return null;
    }

    public void Dispose()
    {
        _listening.Dispose();
        _sightings.Writer.TryComplete();
    }

    // What follows runs on the loop of the connection that receives, so in the order of the wire.
    private void Take(NodeEvent? happened)
    {
        if (happened is not { } change)
        {
            _sightings.Writer.TryComplete();
            return;
        }

        if (change.Path == _election.Path)
        {
            // Made or removed as a whole: candidates are numbered from the start again.
            if (change.Change is NodeChange.Created or NodeChange.Deleted)
                List();
            return;
        }

        // What the list shows happened before it.
        if (!_isListed)
            return;
        var name = change.Path[(change.Path.LastIndexOf('/') + 1)..];
        switch (change.Change)
        {
            case NodeChange.Created:
                Post(new Sighting.Created(name));
                Read(name);
                break;
            case NodeChange.Deleted:
                Post(new Sighting.Deleted(name));
                break;
            case NodeChange.Written:
                Read(name);
                break;
        }
    }

    private void List() => Ask(new GetChildrenRequest(_election.Path), (error, children) =>
    {
        if (error is not (ErrorCode.Ok or ErrorCode.NoNode))
        {
            End(error, "getChildren");
            return;
        }

        _isListed = true;
        var names = error is ErrorCode.Ok ? children.Names : [];
        _listed = names.Length;
        Post(new Sighting.Listed(names, children.Parent.ChildCreations, children.Parent.Czxid));
        foreach (var name in names)
            Read(name);
    });

    private void Read(string name)
    {
        if (!_election.Naming.TryParse(name, out _))
            return;
        Ask(new GetDataRequest(_election[name], Watch: false), (error, content) =>
        {
            if (error is ErrorCode.Ok)
                Post(new Sighting.Read(name, ToLeader(content)));
            else if (error is not ErrorCode.NoNode)
                End(error, "getData");
        });
    }

    public static Leader ToLeader(Content content) => new(Encoding.UTF8.GetString(content.Bytes), new FencingToken(content.Stat.Czxid));

    private void Ask<TAnswer>(Request<TAnswer> request, Action<ErrorCode, TAnswer?> inOrder) => _ = _connection.AskAsync(request, inOrder);

    private void Post(Sighting sighting)
    {
        // The readings of a long list come at once, and are no sign of a slow reader.
        if (_sightings.Reader.Count < _queueMax + _listed)
            _sightings.Writer.TryWrite(sighting);
        else
            _sightings.Writer.TryComplete(); // too far behind: the reader starts afresh once it has caught up
    }

    private void End(ErrorCode error, string request)
    {
        _refusal = new ZooKeeperException(error, $"{request} {_election.Path}");
        _sightings.Writer.TryComplete();
    }
}

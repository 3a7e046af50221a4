using System.Diagnostics.CodeAnalysis;
using Conclave.ZooKeeper.Wire;

namespace Conclave.ZooKeeper;

/// <summary>
/// One session in ZooKeeper: kept alive over any number of connections, one after the other, until our own clock or the server ends it. It never comes back;
/// the client opens another. Thread-safe.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "RunAsync, which every session is given to, ends the timer.")]
internal sealed class Session
{
    // Far below the 1 MiB that a server takes.
    private const int SetWatchesCharactersMax = 128 * 1024;

    private readonly ZooKeeperClientOptions _options;
    private readonly ServerRing _servers;
    private readonly TimeProvider _time;
    private readonly NodeWatches _watches;
    private readonly SessionClock _clock;
    private readonly byte[] _password;
    private readonly Connection _first;
    private readonly Lock _gate = new();
    private TaskCompletionSource<Connection> _attached = NewAttached();
    private Connection? _connection;
    private long _lastZxid;

    private Session(ZooKeeperClientOptions options, ServerRing servers, TimeProvider time, NodeWatches watches, Connection first, Welcome welcome, Instant sentAt)
    {
        (_options, _servers, _time, _watches, _first, _password, Id) = (options, servers, time, watches, first, welcome.Password, welcome.SessionId);
        _clock = new SessionClock(sentAt, welcome.Timeout, options.ClockRateMargin);
        Timer = new LeaseTimer(_clock.Start(), time);
    }

    public long Id { get; }

    /// <summary>What of the session may be relied on. When it ends, the session is over for us, whatever the server thinks.</summary>
    public LeaseTimer Timer { get; }

    /// <summary>Why no session would do: credentials that the server does not take. Null while none was refused for such a reason.</summary>
    public ZooKeeperException? Refusal { get; private set; }

    /// <summary>Opens a session with the first server that takes us; each is tried once. The session does nothing until <see cref="RunAsync"/>.</summary>
    /// <exception cref="ConnectionLostException">None did; the message says why, server by server.</exception>
    public static async Task<Session> OpenAsync(ZooKeeperClientOptions options, ServerRing servers, TimeProvider time, CancellationToken cancellation)
    {
        var watches = new NodeWatches();
        var faults = new List<string>();
        for (var tried = 0; tried < servers.Count; tried++)
        {
            try
            {
                var sentAt = Instant.Now(time);
                var hello = Hello.ForNewSession(options.SessionTimeout);
                var (connection, welcome) = await Connection.OpenAsync(
                    servers.Next(), hello, options.Patience, time, happened => watches.Fire(happened.Path), cancellation).ConfigureAwait(false);
                return new Session(options, servers, time, watches, connection, welcome, sentAt);
            }
            catch (ConnectionLostException fault)
            {
                faults.Add(fault.Message);
            }
        }

        throw new ConnectionLostException(string.Join("; ", faults));
    }

    /// <summary>Keeps the session until it is over or <paramref name="stopping"/>; then gives it back as well as it can. Does not throw.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stopping, Timer.Ended);
        try
        {
            for (var connection = _first; ; connection = await ReconnectAsync(over.Token).ConfigureAwait(false))
                await ServeAsync(connection, over.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
            // One of the ends above.
        }

        Timer.End();
        lock (_gate)
            _attached.TrySetException(Refusal ?? (Exception)new SessionOverException($"The session {Id:x} with ZooKeeper is over."));
    }

    /// <summary>Asks, as soon as there is a connection.</summary>
    /// <exception cref="ConnectionLostException">No answer will come.</exception>
    /// <exception cref="SessionOverException">Nor will a connection.</exception>
    /// <exception cref="ZooKeeperException">The server refused.</exception>
    public async Task<TAnswer> AskAsync<TAnswer>(Request<TAnswer> request, CancellationToken cancellation, Action<ErrorCode, TAnswer?>? inOrder = null)
    {
        var connection = await ConnectionAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await connection.AskAsync(request, inOrder).WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (ZooKeeperException fault) when (EndsSession(fault))
        {
            Refuse(fault);
            throw Refusal ?? (Exception)new SessionOverException(fault.Message);
        }
    }

    /// <summary>Reads a node and watches it for its next change. Refused with <see cref="ErrorCode.NoNode"/> there is no watch.</summary>
    public async Task<(Content Content, NodeWatch Watch)> WatchAsync(string path, CancellationToken cancellation)
    {
        var watch = new NodeWatch(_watches, path);
        try
        {
            // Taken in before the next frame is read, which may be the event itself.
            var content = await AskAsync(new GetDataRequest(path, Watch: true), cancellation, (error, _) =>
            {
                if (error is ErrorCode.Ok)
                    _watches.Add(watch);
            }).ConfigureAwait(false);
            return (content, watch);
        }
        catch (Exception)
        {
            watch.Dispose();
            throw;
        }
    }

    /// <summary>The connection, as soon as there is one. For requests that belong together: on one connection, they are answered in order.</summary>
    public Task<Connection> ConnectionAsync(CancellationToken cancellation)
    {
        lock (_gate)
            return _attached.Task.WaitAsync(cancellation);
    }

    private async Task ServeAsync(Connection connection, CancellationToken over)
    {
        using var given = new CancellationTokenSource();
        var running = connection.RunAsync(() => Detach(connection), given.Token);

        // Before anything that others ask: whom we are decides what they may do, and what they watch must not change unseen.
        var prepared = PrepareAsync(connection);
        lock (_gate)
        {
            _connection = connection;
            _attached.TrySetResult(connection);
        }

        using var enough = CancellationTokenSource.CreateLinkedTokenSource(over, given.Token);
        var renewing = RenewAsync(connection, prepared, enough.Token);
        await Task.WhenAny(running, renewing).ConfigureAwait(false);
        if (over.IsCancellationRequested)
        {
            Timer.End(); // Lost fires before anybody else can lead
            await CloseAsync(connection).ConfigureAwait(false);
        }

        await given.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(running, renewing).ConfigureAwait(false);
        Detach(connection); // it may have ended before it was attached
        _lastZxid = Math.Max(_lastZxid, connection.LastZxid);
    }

    private Task PrepareAsync(Connection connection)
    {
        var asked = new List<Task>();
        if (_options.Credentials is { } credentials)
            asked.Add(connection.AskAsync(new AuthenticateRequest(System.Text.Encoding.UTF8.GetBytes(credentials))));

        var batch = new List<string>();
        var characters = 0;
        foreach (var path in _watches.Paths)
        {
            batch.Add(path);
            characters += path.Length;
            if (characters > SetWatchesCharactersMax)
            {
                asked.Add(connection.AskAsync(new SetWatchesRequest(_lastZxid, batch)));
                (batch, characters) = ([], 0);
            }
        }

        if (batch.Count > 0)
            asked.Add(connection.AskAsync(new SetWatchesRequest(_lastZxid, batch)));
        return Task.WhenAll(asked);
    }

    private async Task RenewAsync(Connection connection, Task prepared, CancellationToken enough)
    {
        try
        {
            await prepared.WaitAsync(enough).ConfigureAwait(false);
            while (true)
            {
                var next = Timer.Clock.RenewAt > _clock.NotBefore ? Timer.Clock.RenewAt : _clock.NotBefore;
                var due = next - Instant.Now(_time);
                if (due > TimeSpan.Zero)
                    await Task.Delay(due, _time, enough).ConfigureAwait(false);

                var sentAt = Instant.Now(_time);
                await connection.AskAsync(new SyncRequest("/")).WaitAsync(enough).ConfigureAwait(false);
                if (!Timer.Apply(_clock.Renewed(sentAt)))
                    return;
            }
        }
        catch (OperationCanceledException) when (enough.IsCancellationRequested)
        {
            // The session or the connection is over, and whoever waits for this knows.
        }
        catch (ConnectionLostException)
        {
            // Unknown is not lost: the clock runs on, and another connection may renew.
        }
        catch (ZooKeeperException fault)
        {
            Refuse(fault);
        }
    }

    private async Task<Connection> ReconnectAsync(CancellationToken over)
    {
        var backoff = new RetryBackoff(_options.RetryIntervalMin, _options.RetryIntervalMax, _time);
        while (true)
        {
            for (var tried = 0; tried < _servers.Count; tried++)
            {
                over.ThrowIfCancellationRequested();
                try
                {
                    var sentAt = Instant.Now(_time);
                    var hello = new Hello(_lastZxid, _options.SessionTimeout, Id, _password);
                    var (connection, welcome) = await Connection.OpenAsync(
                        _servers.Next(), hello, _options.Patience, _time, happened => _watches.Fire(happened.Path), over).ConfigureAwait(false);
                    Timer.Apply(welcome.IsExpired ? new Renewal.Refused() : _clock.Reconnected(sentAt, welcome.Timeout));
                    return connection;
                }
                catch (ConnectionLostException)
                {
                    // The next server may have us.
                }
            }

            await backoff.PauseAsync(over).ConfigureAwait(false);
        }
    }

    private async Task CloseAsync(Connection connection)
    {
        try
        {
            await connection.AskAsync(new CloseSessionRequest()).WaitAsync(_options.WithdrawTimeout, _time).ConfigureAwait(false);
        }
        catch (Exception fault) when (fault is ConnectionLostException or ZooKeeperException or TimeoutException)
        {
            // Gone already, or the server is silent: it ends the session by its timeout.
        }
    }

    private void Detach(Connection connection)
    {
        lock (_gate)
        {
            if (_connection != connection)
                return;
            _connection = null;
            _attached = NewAttached();
        }
    }

    private void Refuse(ZooKeeperException fault)
    {
        if (fault.Code is not ErrorCode.SessionExpired)
            Refusal = fault;
        Timer.Apply(new Renewal.Refused());
    }

    private static bool EndsSession(ZooKeeperException fault) =>
        fault.Code is ErrorCode.SessionExpired or ErrorCode.AuthFailed or ErrorCode.SessionClosedRequireSaslAuth;

    private static TaskCompletionSource<Connection> NewAttached() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}

using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using System.Threading.Channels;
using Conclave.ZooKeeper.Wire;

namespace Conclave.ZooKeeper;

/// <summary>
/// One TCP connection to one server, from the handshake to its end. Requests are sent and answered in the order in which they were asked, and callbacks run
/// on the one loop that receives, in the order of the wire. It ends when the server closes it, breaks the protocol or is silent for too long.
/// How many requests are under way is bounded by who asks: an election has one or two. Thread-safe.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "RunAsync, which every connection is given to, disposes what it holds.")]
internal sealed class Connection
{
    /// <summary>A server refuses requests above 1 MiB by default; its answers, such as the names of a node's children, may be longer.</summary>
    public const int FrameBytesMax = 16 * 1024 * 1024;

    private const int BatchBytesMax = 64 * 1024;
    private const int NotificationXid = -1;
    private const int PingXid = -2;
    private const int AuthenticationXid = -4;

    private readonly ServerAddress _server;
    private readonly NetworkStream _stream;
    private readonly TimeSpan _patience;
    private readonly TimeProvider _time;
    private readonly Action<NodeEvent> _notified;
    private readonly Channel<byte[]> _outgoing = Channel.CreateUnbounded<byte[]>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Lock _gate = new();
    private readonly Queue<Pending> _pending = [];
    private readonly Dictionary<string, List<Action<NodeEvent?>>> _listeners = new(StringComparer.Ordinal);
    private Instant _waitingSince;
    private string? _ended;
    private int _xid;
    private long _lastZxid;

    private Connection(ServerAddress server, NetworkStream stream, TimeSpan patience, TimeProvider time, Action<NodeEvent> notified)
    {
        (_server, _stream, _patience, _time, _notified) = (server, stream, patience, time, notified);
    }

    /// <summary>The newest transaction that an answer has shown.</summary>
    public long LastZxid => Volatile.Read(ref _lastZxid);

    /// <summary>Connects and says hello. The connection does nothing until <see cref="RunAsync"/>, which must be called to dispose it.</summary>
    /// <param name="server">Whom to connect to.</param>
    /// <param name="hello">The session asked for.</param>
    /// <param name="patience">How long the server may be silent, now and later, while something is asked of it.</param>
    /// <param name="time">Measures the silence.</param>
    /// <param name="notified">Told of every event about a watched node; must be short.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="ConnectionLostException">It did not come about; the message says why.</exception>
    public static async Task<(Connection Connection, Welcome Welcome)> OpenAsync(
        ServerAddress server, Hello hello, TimeSpan patience, TimeProvider time, Action<NodeEvent> notified, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(patience, time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server.Host, server.Port, over.Token).ConfigureAwait(false);
            var stream = new NetworkStream(socket, ownsSocket: true);
            await stream.WriteAsync(hello.ToFrame(), over.Token).ConfigureAwait(false);
            var welcome = Welcome.Read(await ReadFrameAsync(stream, over.Token).ConfigureAwait(false));

            // A server may allow a shorter session than was asked for.
            var allowed = welcome.Timeout / 3;
            return (new Connection(server, stream, welcome.IsExpired || patience < allowed ? patience : allowed, time, notified), welcome);
        }
        catch (Exception fault)
        {
            socket.Dispose();
            if (fault is OperationCanceledException && late.IsCancellationRequested && !cancellation.IsCancellationRequested)
                throw new ConnectionLostException($"{server} accepted no session within {patience.TotalMilliseconds:0} ms", fault);
            if (fault is EndOfStreamException)
                throw new ConnectionLostException($"{server} closed the connection: it has no majority, is behind what we have seen, or takes no more connections from this host", fault);
            if (fault is SocketException or IOException or InvalidDataException)
                throw new ConnectionLostException($"{server}: {fault.Message}", fault);
            throw;
        }
    }

    /// <summary>Sends, receives and watches for silence until one of them ends or <paramref name="stopping"/>; then every request under way is lost. Does not throw.</summary>
    /// <param name="ended">Called before anybody hears that a request is lost.</param>
    /// <param name="stopping">Ends it.</param>
    public async Task RunAsync(Action ended, CancellationToken stopping)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Task[] loops = [SendAsync(ending.Token), ReceiveAsync(ending.Token), EndSilenceAsync(ending.Token)];
        var first = await Task.WhenAny(loops).ConfigureAwait(false);
        await ending.CancelAsync().ConfigureAwait(false);
        await _stream.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(loops).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        var reason = first.Exception?.InnerException switch
        {
            ConnectionLostException silence => silence.Message,
            EndOfStreamException => $"{_server} closed the connection",
            { } fault => $"{_server}: {fault.Message}",
            null => $"the connection to {_server} was given up",
        };
        Pending[] lost;
        Action<NodeEvent?>[] listeners;
        lock (_gate)
        {
            _ended = reason;
            lost = [.. _pending];
            listeners = [.. _listeners.Values.SelectMany(some => some)];
            _pending.Clear();
            _listeners.Clear();
        }

        ended();
        foreach (var request in lost)
            request.Lose(reason);
        foreach (var listener in listeners)
            listener(null);
    }

    /// <summary>Sends a request at once and promises its answer.</summary>
    /// <param name="request">What is asked.</param>
    /// <param name="inOrder">Called with the outcome (content only if <see cref="ErrorCode.Ok"/>) before the next frame is looked at; not if the connection ends before. Must be short.</param>
    /// <exception cref="ConnectionLostException">No answer will come.</exception>
    /// <exception cref="ZooKeeperException">The server refused.</exception>
    public Task<TAnswer> AskAsync<TAnswer>(Request<TAnswer> request, Action<ErrorCode, TAnswer?>? inOrder = null)
    {
        var pending = new Pending<TAnswer>(request, inOrder);
        lock (_gate)
        {
            if (_ended is not null)
                return Task.FromException<TAnswer>(new ConnectionLostException(_ended));
            Enqueue(request, pending);
        }

        return pending.Answer;
    }

    /// <summary>
    /// Tells of everything that happens to a node and those right below it, until disposed or the connection ends (null then).
    /// What happened before the answer to a later request is told before that answer.
    /// </summary>
    /// <param name="path">The node.</param>
    /// <param name="listener">Must be short.</param>
    /// <param name="answered">Whether the server tells of it, in the order of the wire.</param>
    /// <exception cref="ConnectionLostException">The connection has ended.</exception>
    public IDisposable Listen(string path, Action<NodeEvent?> listener, Action<ErrorCode, Done> answered)
    {
        lock (_gate)
        {
            if (_ended is not null)
                throw new ConnectionLostException(_ended);
            if (!_listeners.TryGetValue(path, out var some))
                _listeners[path] = some = [];
            some.Add(listener);
            var request = new AddWatchRequest(path);
            Enqueue(request, new Pending<Done>(request, answered));
        }

        return new Listening(this, path, listener);
    }

    private void Enqueue<TAnswer>(Request<TAnswer> request, Pending pending)
    {
        var writer = new JuteWriter();
        _xid = _xid == int.MaxValue ? 1 : _xid + 1;
        pending.Xid = request is AuthenticateRequest ? AuthenticationXid : _xid;
        writer.WriteInt(pending.Xid);
        writer.WriteInt(request.Operation);
        request.Write(writer);
        if (_pending.Count == 0)
            _waitingSince = Instant.Now(_time);
        _pending.Enqueue(pending);
        _outgoing.Writer.TryWrite(writer.ToFrame());
    }

    private void StopListening(string path, Action<NodeEvent?> listener)
    {
        lock (_gate)
        {
            if (!_listeners.TryGetValue(path, out var some) || !some.Remove(listener) || some.Count > 0 || _ended is not null)
                return;

            // The order of the wire is the order of this lock, so this cannot take away the watch of one who listens from now on.
            _listeners.Remove(path);
            var request = new RemoveWatchesRequest(path);
            Enqueue(request, new Pending<Done>(request, null));
        }
    }

    private async Task SendAsync(CancellationToken ending)
    {
        var batch = new ArrayBufferWriter<byte>();
        while (await _outgoing.Reader.WaitToReadAsync(ending).ConfigureAwait(false))
        {
            batch.ResetWrittenCount();
            while (batch.WrittenCount < BatchBytesMax && _outgoing.Reader.TryRead(out var frame))
                batch.Write(frame);
            await _stream.WriteAsync(batch.WrittenMemory, ending).ConfigureAwait(false);
        }
    }

    private async Task ReceiveAsync(CancellationToken ending)
    {
        while (true)
            Take(await ReadFrameAsync(_stream, ending).ConfigureAwait(false));
    }

    private void Take(byte[] frame)
    {
        var reader = new JuteReader(frame);
        var xid = reader.ReadInt();
        var zxid = reader.ReadLong();
        var error = (ErrorCode)reader.ReadInt();
        switch (xid)
        {
            case NotificationXid:
                Tell(NodeEvent.Read(ref reader));
                return;
            case PingXid:
                return;
        }

        if (zxid > _lastZxid)
            Volatile.Write(ref _lastZxid, zxid);
        Pending? request;
        lock (_gate)
        {
            if (!_pending.TryPeek(out request) || request.Xid != xid)
                throw new InvalidDataException($"answer {xid} came where {request?.Xid} was due");
            _pending.Dequeue();
            _waitingSince = Instant.Now(_time);
        }

        request.Complete(error, ref reader);
    }

    private void Tell(NodeEvent happened)
    {
        _notified(happened);
        Action<NodeEvent?>[] listeners;
        lock (_gate)
        {
            if (_listeners.Count == 0)
                return;
            var parent = happened.Path[..Math.Max(happened.Path.LastIndexOf('/'), 0)];
            listeners =
            [
                .. _listeners.GetValueOrDefault(happened.Path) ?? [],
                .. _listeners.GetValueOrDefault(parent) ?? [],
            ];
        }

        foreach (var listener in listeners)
            listener(happened);
    }

    private async Task EndSilenceAsync(CancellationToken ending)
    {
        while (true)
        {
            await Task.Delay(_patience / 4, _time, ending).ConfigureAwait(false);
            lock (_gate)
            {
                if (_pending.Count > 0 && Instant.Now(_time) - _waitingSince > _patience)
                    throw new ConnectionLostException($"{_server} did not answer within {_patience.TotalMilliseconds:0} ms");
            }
        }
    }

    private static async Task<byte[]> ReadFrameAsync(NetworkStream stream, CancellationToken cancellation)
    {
        var header = new byte[sizeof(int)];
        await stream.ReadExactlyAsync(header, cancellation).ConfigureAwait(false);
        var length = new JuteReader(header).ReadInt();
        if (length is < 0 or > FrameBytesMax)
            throw new InvalidDataException($"a frame of {length} bytes: is this a ZooKeeper server?");
        var frame = new byte[length];
        await stream.ReadExactlyAsync(frame, cancellation).ConfigureAwait(false);
        return frame;
    }

    private sealed class Listening(Connection connection, string path, Action<NodeEvent?> listener) : IDisposable
    {
        public void Dispose() => connection.StopListening(path, listener);
    }

    private abstract class Pending
    {
        public int Xid { get; set; }

        public abstract void Complete(ErrorCode error, ref JuteReader answer);

        public abstract void Lose(string reason);
    }

    private sealed class Pending<TAnswer>(Request<TAnswer> request, Action<ErrorCode, TAnswer?>? inOrder) : Pending
    {
        private readonly TaskCompletionSource<TAnswer> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<TAnswer> Answer => _answer.Task;

        public override void Complete(ErrorCode error, ref JuteReader answer)
        {
            TAnswer? content;
            try
            {
                content = error is ErrorCode.Ok ? request.Read(ref answer) : default;
            }
            catch (InvalidDataException malformed)
            {
                _answer.SetException(new ConnectionLostException($"{request}: {malformed.Message}", malformed));
                throw;
            }

            inOrder?.Invoke(error, content);
            if (error is ErrorCode.Ok)
                _answer.SetResult(content!);
            else if (IsUnknown(error))
                _answer.SetException(new ConnectionLostException($"{request}: {error}"));
            else
                _answer.SetException(new ZooKeeperException(error, request.ToString()));
        }

        public override void Lose(string reason) => _answer.SetException(new ConnectionLostException(reason));

        // Not refusals: another attempt, perhaps at another server, may be answered. A session that moved is ours on a newer connection.
        private static bool IsUnknown(ErrorCode error) =>
            error is ErrorCode.OperationTimeout or ErrorCode.RequestTimeout or ErrorCode.ThrottledOp or ErrorCode.SessionMoved;
    }
}

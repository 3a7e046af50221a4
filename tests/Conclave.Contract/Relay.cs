using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;

namespace Conclave.Contract;

/// <summary>A network between clients and a server, on a port of its own: it can be cut, closed, slow, silent, and swallow what comes back.</summary>
public sealed class Relay : IAsyncDisposable
{
    private const int PiecesOnTheWayMax = 1_000;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly EndPoint _target;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly List<Socket> _sockets = [];
    private readonly List<Task> _carrying = [];
    private readonly Task _accepting;
    private TaskCompletionSource _passes = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isClosed;
    private volatile bool _swallows;
    private long _delayTicks;

    public Relay(EndPoint target)
    {
        _target = target;
        _passes.SetResult();
        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>As <c>127.0.0.1:PORT</c>.</summary>
    public string Address => _listener.LocalEndpoint.ToString()!;

    /// <summary>What the server sends is lost while this is true; what the client sends arrives.</summary>
    public bool SwallowsAnswers
    {
        set => _swallows = value;
    }

    /// <summary>How long each piece is on its way, there and back alike.</summary>
    public TimeSpan Delay
    {
        get => TimeSpan.FromTicks(Interlocked.Read(ref _delayTicks));
        set => Interlocked.Exchange(ref _delayTicks, value.Ticks);
    }

    /// <summary>Breaks every connection; new ones are taken.</summary>
    public void Cut()
    {
        lock (_gate)
        {
            foreach (var socket in _sockets)
                socket.Dispose();
            _sockets.Clear();
        }
    }

    /// <summary>Breaks every connection, and new ones at once, until opened.</summary>
    public void Close()
    {
        _isClosed = true;
        Cut();
    }

    public void Open() => _isClosed = false;

    /// <summary>Keeps everything back in both directions, until released. New connections are taken, and nobody answers on them.</summary>
    public void Hold()
    {
        lock (_gate)
            _passes = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Lets what was kept back go on.</summary>
    public void Release()
    {
        lock (_gate)
            _passes.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        Cut();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(_carrying);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            var client = await _listener.AcceptSocketAsync(_stopping.Token);
            if (_isClosed)
            {
                client.Dispose();
                continue;
            }

            var server = new Socket(_target.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
            lock (_gate)
                _sockets.AddRange([client, server]);
            _carrying.Add(CarryAsync(client, server));
        }
    }

    private async Task CarryAsync(Socket client, Socket server)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        try
        {
            await server.ConnectAsync(_target, over.Token);
            Task[] pumps = [PumpAsync(client, server, isAnswer: false, over.Token), PumpAsync(server, client, isAnswer: true, over.Token)];
            await Task.WhenAny(pumps);
            await over.CancelAsync();
            await Task.WhenAll(pumps);
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // Cut, or the server is away: the client sees its connection end.
        }
        finally
        {
            client.Dispose();
            server.Dispose();
        }
    }

    /// <summary>A line and not a ferry: what comes later is under way beside what came before, and arrives after it.</summary>
    private async Task PumpAsync(Socket from, Socket to, bool isAnswer, CancellationToken over)
    {
        var line = Channel.CreateBounded<(byte[] Piece, long SentAt)>(PiecesOnTheWayMax);
        await Task.WhenAny(TakeAsync(), BringAsync()).Unwrap();

        async Task TakeAsync()
        {
            var buffer = new byte[16 * 1024];
            while (await from.ReceiveAsync(buffer, over) is var count and > 0)
                await line.Writer.WriteAsync((buffer[..count], Stopwatch.GetTimestamp()), over);
            line.Writer.Complete();
            await line.Reader.Completion.WaitAsync(over);
        }

        async Task BringAsync()
        {
            await foreach (var (piece, sentAt) in line.Reader.ReadAllAsync(over))
            {
                Task passes;
                lock (_gate)
                    passes = _passes.Task;
                await passes.WaitAsync(over);
                if (Delay - Stopwatch.GetElapsedTime(sentAt) is var left && left > TimeSpan.Zero)
                    await Task.Delay(left, over);
                if (isAnswer && _swallows)
                    continue;
                for (var sent = 0; sent < piece.Length;)
                    sent += await to.SendAsync(piece.AsMemory(sent), over);
            }
        }
    }
}

using System.Net;
using System.Net.Sockets;

namespace Conclave.Kubernetes.Tests;

/// <summary>The way from a client to a server, that can be closed: connections break, and new ones break at once, until it is opened.</summary>
internal sealed class Outage : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly IPEndPoint _target;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly List<Socket> _sockets = [];
    private readonly Task _accepting;
    private volatile bool _isClosed;

    public Outage(string address)
    {
        _target = IPEndPoint.Parse(new Uri(address).Authority);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Address => $"https://{_listener.LocalEndpoint}";

    public void Close()
    {
        _isClosed = true;
        lock (_gate)
        {
            foreach (var socket in _sockets)
                socket.Dispose();
            _sockets.Clear();
        }
    }

    public void Open() => _isClosed = false;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        Close();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private static async Task PumpAsync(Socket from, Socket to, CancellationToken stopping)
    {
        var buffer = new byte[16 * 1024];
        while (await from.ReceiveAsync(buffer, stopping) is var count and > 0)
            await to.SendAsync(buffer.AsMemory(0, count), stopping);
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

            var server = new Socket(SocketType.Stream, ProtocolType.Tcp);
            lock (_gate)
                _sockets.AddRange([client, server]);
            _ = CarryAsync(client, server);
        }
    }

    private async Task CarryAsync(Socket client, Socket server)
    {
        try
        {
            await server.ConnectAsync(_target, _stopping.Token);
            await Task.WhenAny(PumpAsync(client, server, _stopping.Token), PumpAsync(server, client, _stopping.Token));
        }
        catch (Exception fault) when (fault is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The server is away: the client sees its connection end.
        }

        client.Dispose();
        server.Dispose();
    }
}

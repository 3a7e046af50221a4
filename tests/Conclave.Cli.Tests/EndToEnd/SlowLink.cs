using System.Net;
using System.Net.Sockets;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>A network between clients and a server on a Unix socket: what the server says arrives late, and what the clients say can be lost.</summary>
internal sealed class SlowLink : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly string _target;
    private readonly TimeSpan _delay;
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<Task> _carrying = [];
    private readonly Task _accepting;
    private volatile bool _isCut;

    public SlowLink(string target, TimeSpan delay)
    {
        (_target, _delay) = (target["unix://".Length..], delay);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Endpoint => $"http://{_listener.LocalEndpoint}";

    /// <summary>From now on the server hears nothing, and nobody is told. Answers that are on their way still arrive: so the client learns of every request that the server took.</summary>
    public void Cut() => _isCut = true;

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(_carrying).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (true)
            _carrying.Add(CarryAsync(await _listener.AcceptSocketAsync(_stopping.Token)));
    }

    private async Task CarryAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await server.ConnectAsync(new UnixDomainSocketEndPoint(_target), _stopping.Token);
        await Task.WhenAll(UpAsync(client, server), DownAsync(server, client));
        client.Dispose();
    }

    private async Task UpAsync(Socket client, Socket server)
    {
        var buffer = new byte[16 * 1024];
        while (await client.ReceiveAsync(buffer, _stopping.Token) is var count and > 0)
        {
            if (!_isCut)
                await server.SendAsync(buffer.AsMemory(0, count), _stopping.Token);
        }
    }

    private async Task DownAsync(Socket server, Socket client)
    {
        var sent = Task.CompletedTask;
        var buffer = new byte[16 * 1024];
        while (await server.ReceiveAsync(buffer, _stopping.Token) is var count and > 0)
            sent = SendAsync(sent, client, buffer[..count], Task.Delay(_delay, _stopping.Token));
        await sent;
    }

    // The delays run side by side, so that one is not added to the one before it.
    private async Task SendAsync(Task before, Socket client, byte[] bytes, Task delay)
    {
        await before;
        await delay;
        await client.SendAsync(bytes, _stopping.Token);
    }
}

using System.Net;
using System.Net.Sockets;

namespace Conclave.Deploy.Tests;

/// <summary>A Service's one address: each new connection goes to one of its pods that answers, in turn; one that breaks is the client's to open again.</summary>
internal sealed class ServiceRelay(IReadOnlyList<int> pods) : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stopping = new();
    private Task _running = Task.CompletedTask;
    private int _next;

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public void Start()
    {
        _listener.Start();
        _running = RunAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _listener.Dispose();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        var open = new List<Task>();
        try
        {
            while (true)
                open.Add(PassAsync(await _listener.AcceptTcpClientAsync(_stopping.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(open);
        }
    }

    private async Task PassAsync(TcpClient client)
    {
        using var caller = client;
        try
        {
            using var pod = await ConnectAsync();
            if (pod is null)
                return;
            var (up, down) = (caller.GetStream(), pod.GetStream());
            await Task.WhenAny(up.CopyToAsync(down, _stopping.Token), down.CopyToAsync(up, _stopping.Token));
        }
        catch (Exception fault) when (fault is IOException or OperationCanceledException)
        {
            // Either side is gone, so the other one goes too.
        }
    }

    private async Task<TcpClient?> ConnectAsync()
    {
        for (var tried = 0; tried < pods.Count; tried++)
        {
            var pod = new TcpClient();
            try
            {
                await pod.ConnectAsync(IPAddress.Loopback, pods[(Interlocked.Increment(ref _next) & int.MaxValue) % pods.Count], _stopping.Token);
                return pod;
            }
            catch (SocketException)
            {
                pod.Dispose();
            }
        }

        return null;
    }
}

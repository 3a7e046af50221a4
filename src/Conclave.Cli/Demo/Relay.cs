using System.Net.Sockets;

namespace Conclave.Cli.Demo;

/// <summary>
/// The network between one instance and the coordination server: a listener on one Unix socket that passes bytes on to another. Cut, it passes nothing on and closes nothing, as a pulled cable does; both ends
/// find out by their own timeouts. Restored, it goes on with what was held back. Thread-safe.
/// </summary>
internal sealed class Relay : IAsyncDisposable
{
    private const int BlockBytes = 1 << 16;

    private readonly UnixDomainSocketEndPoint _target;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _running;
    private volatile TaskCompletionSource _open = Opened();

    public Relay(string path, string target)
    {
        _target = new UnixDomainSocketEndPoint(target);
        _listener.Bind(new UnixDomainSocketEndPoint(path));
        _listener.Listen();
        Endpoint = "unix://" + path;
        _running = RunAsync(_closing.Token);
    }

    /// <summary>For the instance.</summary>
    public string Endpoint { get; }

    public void Cut()
    {
        if (_open.Task.IsCompleted)
            _open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public void Restore() => _open.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        _listener.Dispose();
        await _running;
        _closing.Dispose();
    }

    private static TaskCompletionSource Opened()
    {
        var open = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        open.SetResult();
        return open;
    }

    private async Task RunAsync(CancellationToken closing)
    {
        var connections = new List<Task>();
        try
        {
            while (true)
            {
                var accepted = await _listener.AcceptAsync(closing);
                connections.RemoveAll(connection => connection.IsCompleted);
                connections.Add(PassOnAsync(accepted, closing));
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task PassOnAsync(Socket near, CancellationToken closing)
    {
        using var far = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        using (near)
        {
            try
            {
                await _open.Task.WaitAsync(closing);
                await far.ConnectAsync(_target, closing);
                await Task.WhenAny(PumpAsync(near, far, closing), PumpAsync(far, near, closing));
            }
            catch (Exception ended) when (ended is OperationCanceledException or SocketException)
            {
                // One end has closed, or cannot be reached; closing the other tells it.
            }
        }
    }

    private async Task PumpAsync(Socket from, Socket to, CancellationToken closing)
    {
        var block = new byte[BlockBytes];
        try
        {
            for (int read; (read = await from.ReceiveAsync(block, closing)) > 0;)
            {
                await _open.Task.WaitAsync(closing);
                for (var sent = 0; sent < read;)
                    sent += await to.SendAsync(block.AsMemory(sent, read - sent), closing);
            }
        }
        catch (Exception ended) when (ended is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // As in PassOnAsync; the other direction may have closed it.
        }
    }
}

using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net.Sockets;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Nodes;

/// <summary>Asks a node's <see cref="NodeControl"/>. One question at a time; the connection is kept and made anew when it breaks.</summary>
public sealed class ControlClient(string path) : IAsyncDisposable
{
    private Socket? _socket;

    /// <summary>The process id of the node that answered within <paramref name="timeout"/>, or null.</summary>
    public async Task<int?> PingAsync(TimeSpan timeout, CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(timeout);
        try
        {
            var socket = await ConnectAsync(deadline.Token);
            await socket.SendAsync(new[] { NodeControl.Ping }, deadline.Token);
            return await ReceiveNumberAsync(socket, deadline.Token);
        }
        catch (Exception failed) when (failed is SocketException or OperationCanceledException)
        {
            // A late answer to this question must not be taken for one to the next.
            _socket?.Dispose();
            _socket = null;
            return null;
        }
    }

    /// <summary>Copies of the gateways' listening sockets, or null when nobody answers there within <paramref name="timeout"/>.</summary>
    public async Task<ImmutableArray<int>?> ListenersAsync(TimeSpan timeout, CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(timeout);
        try
        {
            var socket = await ConnectAsync(deadline.Token);
            await socket.SendAsync(new[] { NodeControl.Listeners }, deadline.Token);
            var count = await ReceiveNumberAsync(socket, deadline.Token);
            var received = ImmutableArray.CreateBuilder<int>();
            for (var i = 0; i < count; i++)
                received.Add(DescriptorPassing.ReceiveDescriptor(socket, timeout));
            return received.ToImmutable();
        }
        catch (Exception failed) when (failed is SocketException or IOException or TimeoutException || (failed is OperationCanceledException && !cancel.IsCancellationRequested))
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _socket?.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<Socket> ConnectAsync(CancellationToken cancel)
    {
        if (_socket is not null)
            return _socket;
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancel);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        return _socket = socket;
    }

    private static async Task<int> ReceiveNumberAsync(Socket socket, CancellationToken cancel)
    {
        var answer = new byte[sizeof(int)];
        for (var read = 0; read < answer.Length;)
        {
            var n = await socket.ReceiveAsync(answer.AsMemory(read), cancel);
            if (n == 0)
                throw new SocketException((int)SocketError.ConnectionReset);
            read += n;
        }

        return BinaryPrimitives.ReadInt32LittleEndian(answer);
    }
}

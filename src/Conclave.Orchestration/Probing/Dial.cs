using System.Net;
using System.Net.Sockets;

namespace Conclave.Orchestration.Probing;

/// <summary>Connects, and says how it went without an exception.</summary>
internal static class Dial
{
    /// <summary>A socket of the kind that the target needs.</summary>
    public static Socket NewSocket(EndPoint target) => target switch
    {
        UnixDomainSocketEndPoint => new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified),
        IPEndPoint ip => new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true },
        _ => new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true },
    };

    /// <summary><see cref="SocketError.Success"/> when the socket is connected.</summary>
    /// <exception cref="OperationCanceledException">Neither yes nor no came before <paramref name="limit"/>.</exception>
    public static async Task<SocketError> ConnectAsync(Socket socket, EndPoint target, CancellationToken limit)
    {
        limit.ThrowIfCancellationRequested();
        var done = new TaskCompletionSource<SocketError>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var connecting = new SocketAsyncEventArgs { RemoteEndPoint = target };
        connecting.Completed += (_, ended) => done.TrySetResult(ended.SocketError);
        if (!socket.ConnectAsync(connecting))
            return connecting.SocketError;
        await using (limit.UnsafeRegister(static connecting => Socket.CancelConnectAsync((SocketAsyncEventArgs)connecting!), connecting))
        {
            var error = await done.Task;
            if (error != SocketError.Success)
                limit.ThrowIfCancellationRequested();
            return error;
        }
    }

    /// <summary>In a few words.</summary>
    public static string TextOf(SocketError error) => error is SocketError.ConnectionRefused ? "connection refused" : new SocketException((int)error).Message;
}

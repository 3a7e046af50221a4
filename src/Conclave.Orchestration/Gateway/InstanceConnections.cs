using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;

namespace Conclave.Orchestration.Gateway;

/// <summary>The pooled connections to one instance.</summary>
internal sealed class InstanceConnections : HttpMessageInvoker
{
    private InstanceConnections(HttpMessageHandler handler) : base(handler, disposeHandler: true) { }

    public static InstanceConnections Open(Backend backend, GatewayOptions options)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null,
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = options.Limits.InstanceIdleTimeout,
            // Our own connect below ends first and with a socket error, which says that nothing was sent.
            ConnectTimeout = options.Limits.ConnectTimeout * 2,
            ConnectCallback = (_, cancelled) => ConnectAsync(backend, options.Limits.ConnectTimeout, cancelled),
        };
        return new InstanceConnections(handler);
    }

    /// <remarks>
    /// SocketsHttpHandler repeats a request by itself when a kept-alive connection ends before any answer and no body was begun. For a
    /// POST without a body that is one execution too many, as the instance may have died while at it. With a content, even an empty one,
    /// the body has begun and the request is not repeated.
    /// </remarks>
    public override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (request.Content is null && !RetryRule.IsIdempotent(request.Method.Method)) request.Content = new EmptyBody();
        return base.SendAsync(request, cancellationToken);
    }

    private static async ValueTask<Stream> ConnectAsync(Backend backend, TimeSpan timeout, CancellationToken cancelled)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancelled);
            limit.CancelAfter(timeout);
            await ConnectAsync(socket, backend.Instance, limit.Token);
            return new HeardStream(socket, backend);
        }
        catch (OperationCanceledException) when (!cancelled.IsCancellationRequested)
        {
            socket.Dispose();
            throw new SocketException((int)SocketError.TimedOut);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public static ValueTask ConnectAsync(Socket socket, GatewayInstance instance, CancellationToken cancelled) =>
        IPAddress.TryParse(instance.Host, out var address)
            ? socket.ConnectAsync(new IPEndPoint(address, instance.Port), cancelled)
            : socket.ConnectAsync(instance.Host, instance.Port, cancelled);

    /// <summary>Notes the time of every byte from the instance, whichever request it belongs to.</summary>
    private sealed class HeardStream(Socket socket, Backend backend) : NetworkStream(socket, ownsSocket: true)
    {
        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await base.ReadAsync(buffer, cancellationToken);
            if (read > 0) backend.Heard();
            return read;
        }
    }

    private sealed class EmptyBody : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => Task.CompletedTask;

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return true;
        }
    }
}

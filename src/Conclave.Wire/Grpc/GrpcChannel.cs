using System.Globalization;
using System.IO.Pipelines;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;

namespace Conclave.Wire.Grpc;

/// <summary>
/// Calls to one server over HTTP/2, in cleartext with prior knowledge, or over TLS. Thread-safe. Connects on first use and again when a connection breaks;
/// never tries a call twice: that is for those who know what it means.
/// </summary>
public sealed class GrpcChannel : IDisposable
{
    internal static readonly MediaTypeHeaderValue ContentType = new("application/grpc");

    private readonly HttpMessageInvoker _http;
    private readonly int _responseBytesMax;
    private readonly Func<string?>? _token;

    /// <summary>A channel to this address.</summary>
    public GrpcChannel(GrpcAddress address, GrpcChannelOptions options)
    {
        Address = address;
        _responseBytesMax = options.ResponseBytesMax;
        _token = options.Token;
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ActivityHeadersPropagator = null,
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = options.ConnectTimeout,
            KeepAlivePingDelay = options.KeepAliveInterval,
            KeepAlivePingTimeout = options.KeepAliveTimeout,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        };
        if (options.Tls is not null) handler.SslOptions = options.Tls;
        if (address.SocketPath is { } path) handler.ConnectCallback = (_, cancellation) => GrpcAddress.ConnectUnixAsync(path, cancellation);
        _http = new HttpMessageInvoker(handler, disposeHandler: true);
    }

    /// <summary>Whom this channel calls.</summary>
    public GrpcAddress Address { get; }

    /// <summary>One request, one answer.</summary>
    /// <exception cref="GrpcException">The server's refusal, the deadline (<see cref="GrpcStatus.DeadlineExceeded"/>) or a broken connection (<see cref="GrpcStatus.Unavailable"/>).</exception>
    public async Task<TResponse> UnaryAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, TimeSpan timeout, CancellationToken cancellation)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(timeout);
        var content = new GrpcUnaryContent(request);
        using var message = NewRequest(method.Path, content);
        message.Headers.TryAddWithoutValidation("grpc-timeout", GrpcText.FormatTimeout(timeout));
        try
        {
            using var response = await _http.SendAsync(message, deadline.Token).ConfigureAwait(false);
            var answer = await ReadOneAsync(method, response, deadline.Token).ConfigureAwait(false);
            content.ReturnBuffer();
            return answer;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            throw Translate(e, deadline.IsCancellationRequested, content.Started);
        }
    }

    /// <summary>Opens a call on which both sides stream. It is under way when this returns; a failure to connect shows at the first read or write.</summary>
    /// <param name="method">What to call.</param>
    /// <param name="metadata">Headers, such as <c>hasleader</c>.</param>
    /// <param name="cancellation">Ends the call.</param>
    public GrpcDuplexCall<TRequest, TResponse> Open<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, IReadOnlyDictionary<string, string>? metadata, CancellationToken cancellation)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        var content = new GrpcStreamContent();
        var message = NewRequest(method.Path, content);
        if (metadata is not null)
        {
            foreach (var (name, value) in metadata) message.Headers.TryAddWithoutValidation(name, value);
        }

        return new GrpcDuplexCall<TRequest, TResponse>(_http, message, content, method, _responseBytesMax, cancellation);
    }

    /// <summary>Ends the connections and with them every call.</summary>
    public void Dispose() => _http.Dispose();

    internal static GrpcException Translate(Exception e, bool deadlinePassed, bool started)
    {
        if (deadlinePassed) return new GrpcException(GrpcStatus.DeadlineExceeded, "context deadline exceeded", e) { NothingSent = !started };
        return new GrpcException(GrpcStatus.Unavailable, (e.InnerException ?? e).Message, e) { NothingSent = !started };
    }

    /// <summary>Refuses a response that is not gRPC. True: it has ended with its headers already, so there is nothing to read.</summary>
    internal static bool RequireGrpc(HttpResponseMessage response)
    {
        if (response.StatusCode != HttpStatusCode.OK)
            throw new GrpcException(StatusOf(response.StatusCode), $"unexpected HTTP status code {(int)response.StatusCode}");
        if (response.Content.Headers.ContentType?.MediaType?.StartsWith("application/grpc", StringComparison.Ordinal) != true)
            throw new GrpcException(GrpcStatus.Unknown, $"unexpected content-type '{response.Content.Headers.ContentType}'");
        return response.Headers.Contains("grpc-status");
    }

    internal static void RequireOk(HttpHeaders trailers)
    {
        if (!trailers.TryGetValues("grpc-status", out var values) || !int.TryParse(values.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var code))
            throw new GrpcException(GrpcStatus.Internal, "the response ended without a grpc-status");
        if (code == 0) return;

        var text = trailers.TryGetValues("grpc-message", out var texts) ? GrpcText.DecodeMessage(texts.First()) : "";
        throw new GrpcException(Enum.IsDefined((GrpcStatus)code) ? (GrpcStatus)code : GrpcStatus.Unknown, text);
    }

    private HttpRequestMessage NewRequest(string path, HttpContent content)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, new Uri(Address.Uri, path))
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        message.Headers.TryAddWithoutValidation("te", "trailers");
        if (_token?.Invoke() is { Length: > 0 } token) message.Headers.TryAddWithoutValidation("token", token);
        return message;
    }

    private async Task<TResponse> ReadOneAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, HttpResponseMessage response, CancellationToken cancellation)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        if (RequireGrpc(response))
        {
            RequireOk(response.Headers);
            throw new GrpcException(GrpcStatus.Internal, "the response has a status but no message");
        }

        var body = PipeReader.Create(await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false));
        var reader = new GrpcReader<TResponse>(body, method.ResponseParser, _responseBytesMax, EncodingOf(response));
        var answer = await reader.ReadAsync(cancellation).ConfigureAwait(false);
        if (answer is not null && await reader.ReadAsync(cancellation).ConfigureAwait(false) is not null)
            throw new GrpcException(GrpcStatus.Internal, "more than one message in the response of a unary call");
        RequireOk(response.TrailingHeaders);
        await body.CompleteAsync().ConfigureAwait(false);
        return answer ?? throw new GrpcException(GrpcStatus.Internal, "the response has no message");
    }

    internal static string? EncodingOf(HttpResponseMessage response) =>
        response.Headers.TryGetValues("grpc-encoding", out var values) ? values.First() : null;

    private static GrpcStatus StatusOf(HttpStatusCode code) => (int)code switch
    {
        400 => GrpcStatus.Internal,
        401 => GrpcStatus.Unauthenticated,
        403 => GrpcStatus.PermissionDenied,
        404 => GrpcStatus.Unimplemented,
        429 or 502 or 503 or 504 => GrpcStatus.Unavailable,
        _ => GrpcStatus.Unknown,
    };
}

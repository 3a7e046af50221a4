using Google.Protobuf;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Conclave.Wire.Grpc;

/// <summary>
/// The serving side of gRPC on Kestrel's HTTP/2: finds the method, reads the frames, ends every call with a status. Handlers throw
/// <see cref="GrpcException"/> to refuse. Map everything first, then serve; serving is thread-safe.
/// </summary>
public sealed class GrpcRouter
{
    private delegate Task Handler(HttpContext http, CancellationToken cancellation);

    private readonly Dictionary<string, Handler> _methods = new(StringComparer.Ordinal);
    private readonly HashSet<string> _services = new(StringComparer.Ordinal);
    private readonly GrpcServerOptions _options;
    private readonly ILogger _logger;
    private readonly CancellationToken _stopping;

    /// <summary>A router without methods. <paramref name="stopping"/> ends the calls under way with <see cref="GrpcStatus.Unavailable"/>.</summary>
    public GrpcRouter(GrpcServerOptions options, ILogger logger, CancellationToken stopping)
    {
        _options = options;
        _logger = logger;
        _stopping = stopping;
    }

    /// <summary>One request, one answer.</summary>
    public void MapUnary<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, Func<TRequest, GrpcCallContext, Task<TResponse>> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        Add(method.Path, async (http, cancellation) =>
        {
            var reader = NewReader(http, method.RequestParser);
            var request = await reader.ReadAsync(cancellation).ConfigureAwait(false)
                ?? throw new GrpcException(GrpcStatus.Internal, "grpc: the request of a unary call has no message");
            if (await reader.ReadAsync(cancellation).ConfigureAwait(false) is not null)
                throw new GrpcException(GrpcStatus.Internal, "grpc: more than one message in the request of a unary call");

            var response = await handler(request, new GrpcCallContext(http, cancellation)).ConfigureAwait(false);
            GrpcFrame.Write(http.Response.BodyWriter, response);
        });

    /// <summary>Both sides stream. The call ends with <see cref="GrpcStatus.Ok"/> when the handler returns.</summary>
    public void MapDuplex<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, Func<GrpcRequestStream<TRequest>, GrpcResponseStream<TResponse>, GrpcCallContext, Task> handler)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        Add(method.Path, (http, cancellation) => handler(
            new GrpcRequestStream<TRequest>(NewReader(http, method.RequestParser)),
            new GrpcResponseStream<TResponse>(http.Response.BodyWriter),
            new GrpcCallContext(http, cancellation)));

    /// <summary>Serves one request. Never throws for what the client did.</summary>
    public async Task HandleAsync(HttpContext http)
    {
        if (!RequireGrpc(http)) return;

        http.Response.ContentType = "application/grpc";
        var timeout = Timeout.InfiniteTimeSpan;
        if (http.Request.Headers.TryGetValue("grpc-timeout", out var text) && !GrpcText.TryParseTimeout(text.ToString(), out timeout))
        {
            End(http, GrpcStatus.Internal, "malformed grpc-timeout");
            return;
        }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, _stopping);
        if (timeout != Timeout.InfiniteTimeSpan) ended.CancelAfter(timeout);
        try
        {
            await Find(http.Request.Path.Value ?? "")(http, ended.Token).ConfigureAwait(false);
            End(http, GrpcStatus.Ok, "");
        }
        catch (GrpcException e)
        {
            End(http, e.Status, e.Message);
        }
        catch (Exception e) when (http.RequestAborted.IsCancellationRequested || e is ConnectionResetException)
        {
            // Nobody is there to be told.
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            End(http, GrpcStatus.Unavailable, _options.StoppedText);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            End(http, GrpcStatus.DeadlineExceeded, "context deadline exceeded");
        }
        catch (BadHttpRequestException e)
        {
            End(http, GrpcStatus.Internal, e.Message);
        }
        catch (Exception e)
        {
            // A defect of the handler: the client learns that, the log learns which.
            Log.HandlerFailed(_logger, http.Request.Path, e);
            End(http, GrpcStatus.Unknown, "internal error");
        }
    }

    private static bool RequireGrpc(HttpContext http)
    {
        if (!HttpMethods.IsPost(http.Request.Method))
        {
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            http.Response.Headers.Allow = "POST";
            return false;
        }

        var type = http.Request.ContentType;
        if (type is not null && type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase)
            && (type.Length == "application/grpc".Length || type["application/grpc".Length] is '+' or ';'))
            return true;

        http.Response.StatusCode = StatusCodes.Status415UnsupportedMediaType;
        return false;
    }

    /// <summary>As headers when nothing was sent yet (with nothing after them this is a trailers-only response), else as trailers.</summary>
    private static void End(HttpContext http, GrpcStatus status, string message)
    {
        var headers = status == GrpcStatus.Ok || http.Response.HasStarted ? null : http.Response.Headers;
        if (headers is not null)
        {
            headers["grpc-status"] = StatusText(status);
            if (message.Length > 0) headers["grpc-message"] = GrpcText.EncodeMessage(message);
            if (status == GrpcStatus.Unimplemented) headers["grpc-accept-encoding"] = "identity,gzip";
            return;
        }

        http.Response.AppendTrailer("grpc-status", StatusText(status));
        if (message.Length > 0) http.Response.AppendTrailer("grpc-message", GrpcText.EncodeMessage(message));
    }

    private static string StatusText(GrpcStatus status) => status == GrpcStatus.Ok ? "0" : ((int)status).ToString(System.Globalization.CultureInfo.InvariantCulture);

    private Handler Find(string path)
    {
        if (_methods.TryGetValue(path, out var handler)) return handler;

        var (service, method) = Split(path);
        throw new GrpcException(
            GrpcStatus.Unimplemented, _services.Contains(service) ? $"unknown method {method} for service {service}" : $"unknown service {service}");
    }

    private void Add(string path, Handler handler)
    {
        _methods.Add(path, handler);
        _services.Add(Split(path).Service);
    }

    private static (string Service, string Method) Split(string path)
    {
        var end = path.LastIndexOf('/');
        return end < 1 ? (path.TrimStart('/'), "") : (path[1..end], path[(end + 1)..]);
    }

    private GrpcReader<T> NewReader<T>(HttpContext http, MessageParser<T> parser)
        where T : class, IMessage<T> =>
        new(http.Request.BodyReader, parser, _options.RequestBytesMax, http.Request.Headers.TryGetValue("grpc-encoding", out var encoding) ? encoding.ToString() : null);
}

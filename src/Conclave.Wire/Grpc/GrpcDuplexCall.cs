using System.IO.Pipelines;
using Google.Protobuf;

namespace Conclave.Wire.Grpc;

/// <summary>A call on which both sides stream. One reader and one writer at a time, which may be different.</summary>
public sealed class GrpcDuplexCall<TRequest, TResponse> : IAsyncDisposable
    where TRequest : class, IMessage<TRequest>
    where TResponse : class, IMessage<TResponse>
{
    private readonly HttpRequestMessage _message;
    private readonly GrpcStreamContent _content;
    private readonly GrpcMethod<TRequest, TResponse> _method;
    private readonly int _responseBytesMax;
    private readonly CancellationTokenSource _ended;
    private readonly CancellationToken _cancellation;
    private readonly Task<HttpResponseMessage> _response;
    private GrpcReader<TResponse>? _reader;

    internal GrpcDuplexCall(
        HttpMessageInvoker http, HttpRequestMessage message, GrpcStreamContent content, GrpcMethod<TRequest, TResponse> method, int responseBytesMax,
        CancellationToken cancellation)
    {
        _message = message;
        _content = content;
        _method = method;
        _responseBytesMax = responseBytesMax;
        _cancellation = cancellation;
        _ended = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _response = SendAsync(http);
    }

    /// <summary>Sends one message.</summary>
    /// <exception cref="GrpcException">The connection is broken or the call has ended.</exception>
    public async ValueTask WriteAsync(TRequest request, CancellationToken cancellation)
    {
        try
        {
            await _content.WriteAsync(request, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (IsTransport(e))
        {
            throw Broken(e, cancellation);
        }
    }

    /// <summary>The next message; null when the server ended the call with <see cref="GrpcStatus.Ok"/>.</summary>
    /// <exception cref="GrpcException">The server's status, or a broken connection.</exception>
    public async ValueTask<TResponse?> ReadAsync(CancellationToken cancellation)
    {
        try
        {
            var response = await _response.WaitAsync(cancellation).ConfigureAwait(false);
            if (_reader is null)
            {
                if (GrpcChannel.RequireGrpc(response))
                {
                    GrpcChannel.RequireOk(response.Headers);
                    return null;
                }

                var body = PipeReader.Create(await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false));
                _reader = new GrpcReader<TResponse>(body, _method.ResponseParser, _responseBytesMax, GrpcChannel.EncodingOf(response));
            }

            if (await _reader.ReadAsync(cancellation).ConfigureAwait(false) is { } message) return message;
            GrpcChannel.RequireOk(response.TrailingHeaders);
            return null;
        }
        catch (Exception e) when (IsTransport(e))
        {
            throw Broken(e, cancellation);
        }
    }

    /// <summary>Says that no more requests follow. The server may still answer.</summary>
    public void CompleteRequests() => _content.Complete();

    /// <summary>Ends the call, whatever is under way.</summary>
    public async ValueTask DisposeAsync()
    {
        await _ended.CancelAsync().ConfigureAwait(false);
        _content.Complete();
        await ((Task)_response).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_response.IsCompletedSuccessfully) (await _response.ConfigureAwait(false)).Dispose();
        _message.Dispose();
        _ended.Dispose();
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMessageInvoker http)
    {
        try
        {
            return await http.SendAsync(_message, _ended.Token).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _content.Fail(e);
            throw;
        }
    }

    private static bool IsTransport(Exception e) => e is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException;

    private GrpcException Broken(Exception e, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        _cancellation.ThrowIfCancellationRequested();
        return GrpcChannel.Translate(e, deadlinePassed: false, _content.Started);
    }
}

using System.IO.Pipelines;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;

namespace Conclave.Wire.Grpc;

/// <summary>What a handler may know of the call it serves, beyond the message.</summary>
public readonly struct GrpcCallContext
{
    private readonly HttpContext _http;

    internal GrpcCallContext(HttpContext http, CancellationToken cancellation)
    {
        _http = http;
        Cancellation = cancellation;
    }

    /// <summary>Ends when the client has gone, its deadline has passed or the server stops.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>A header of the request, such as <c>hasleader</c>; null when it was not sent.</summary>
    public string? Metadata(string name) => _http.Request.Headers.TryGetValue(name, out var values) ? values.ToString() : null;
}

/// <summary>The messages that a streaming client sends. One reader at a time.</summary>
public sealed class GrpcRequestStream<T>
    where T : class, IMessage<T>
{
    private readonly GrpcReader<T> _reader;

    internal GrpcRequestStream(GrpcReader<T> reader) => _reader = reader;

    /// <summary>The next message; null when the client has said that no more follow.</summary>
    public ValueTask<T?> ReadAsync(CancellationToken cancellation) => _reader.ReadAsync(cancellation);
}

/// <summary>The messages that a streaming server sends. One writer at a time.</summary>
public sealed class GrpcResponseStream<T>
    where T : class, IMessage<T>
{
    private readonly PipeWriter _output;

    internal GrpcResponseStream(PipeWriter output) => _output = output;

    /// <summary>Sends a message. Completes when the transport has taken it, which waits while the client does not read.</summary>
    public async ValueTask WriteAsync(T message, CancellationToken cancellation)
    {
        GrpcFrame.Write(_output, message);
        var flushed = await _output.FlushAsync(cancellation).ConfigureAwait(false);
        if (flushed.IsCompleted || flushed.IsCanceled) throw new OperationCanceledException("the client has gone");
    }
}

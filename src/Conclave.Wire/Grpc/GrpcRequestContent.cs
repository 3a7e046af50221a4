using System.Buffers;
using System.Net;
using Google.Protobuf;

namespace Conclave.Wire.Grpc;

/// <summary>The body of a unary request: one frame. Remembers whether the transport ever asked for it.</summary>
internal sealed class GrpcUnaryContent : HttpContent
{
    private readonly int _size;
    private byte[]? _frame;

    public GrpcUnaryContent(IMessage message)
    {
        _size = GrpcFrame.HeaderBytes + message.CalculateSize();
        _frame = ArrayPool<byte>.Shared.Rent(_size);
        GrpcFrame.Write(_frame.AsSpan(0, _size), message);
        Headers.ContentType = GrpcChannel.ContentType;
    }

    /// <summary>False: not one byte of the message has left, since the transport never came for it.</summary>
    public bool Started { get; private set; }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, default);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        Started = true;
        await stream.WriteAsync(_frame.AsMemory(0, _size), cancellationToken).ConfigureAwait(false);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = _size;
        return true;
    }

    /// <summary>Only after a call that came to its end may the buffer be used again: an abandoned one may still be read by the transport.</summary>
    public void ReturnBuffer()
    {
        if (Interlocked.Exchange(ref _frame, null) is { } frame) ArrayPool<byte>.Shared.Return(frame);
    }
}

/// <summary>The body of a streaming request: lends the transport's stream to the writer until the writer says that it is done.</summary>
internal sealed class GrpcStreamContent : HttpContent
{
    private readonly TaskCompletionSource<Stream> _stream = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public GrpcStreamContent() => Headers.ContentType = GrpcChannel.ContentType;

    public bool Started => _stream.Task.IsCompletedSuccessfully;

    public async ValueTask WriteAsync(IMessage message, CancellationToken cancellation)
    {
        var size = GrpcFrame.HeaderBytes + message.CalculateSize();
        var frame = ArrayPool<byte>.Shared.Rent(size);
        GrpcFrame.Write(frame.AsSpan(0, size), message);
        var stream = await _stream.Task.WaitAsync(cancellation).ConfigureAwait(false);
        await stream.WriteAsync(frame.AsMemory(0, size), cancellation).ConfigureAwait(false);
        await stream.FlushAsync(cancellation).ConfigureAwait(false);
        ArrayPool<byte>.Shared.Return(frame);
    }

    /// <summary>No more messages follow.</summary>
    public void Complete() => _done.TrySetResult();

    /// <summary>The call ended before a stream was there.</summary>
    public void Fail(Exception reason)
    {
        _stream.TrySetException(reason);
        _ = _stream.Task.Exception;
        _done.TrySetResult();
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => SerializeToStreamAsync(stream, context, default);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        // The first flush sends the headers, so that the server's answer need not wait for our first message.
        await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        _stream.TrySetResult(stream);
        await _done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}

using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;
using Google.Protobuf;

namespace Conclave.Wire.Grpc;

/// <summary>Reads the messages of one direction of a call. One reader at a time.</summary>
internal sealed class GrpcReader<T>(PipeReader pipe, MessageParser<T> parser, int bytesMax, string? encoding)
    where T : class, IMessage<T>
{
    /// <summary>The next message, or null when the other side has said all it had to say.</summary>
    public async ValueTask<T?> ReadAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var result = await pipe.ReadAsync(cancellation).ConfigureAwait(false);
            var buffer = result.Buffer;
            if (GrpcFrame.TryRead(ref buffer, bytesMax, out var compressed, out var payload))
            {
                var message = Parse(payload, compressed);
                pipe.AdvanceTo(buffer.Start);
                return message;
            }

            if (result.IsCompleted)
            {
                if (!buffer.IsEmpty) throw new GrpcException(GrpcStatus.Internal, "grpc: the stream ended inside a message");
                pipe.AdvanceTo(buffer.End);
                return null;
            }

            pipe.AdvanceTo(buffer.Start, buffer.End);
        }
    }

    private T Parse(ReadOnlySequence<byte> payload, bool compressed)
    {
        try
        {
            return parser.ParseFrom(compressed ? Inflate(payload) : payload);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new GrpcException(GrpcStatus.Internal, $"grpc: failed to unmarshal the received message: {e.Message}", e);
        }
    }

    private ReadOnlySequence<byte> Inflate(ReadOnlySequence<byte> payload)
    {
        if (encoding is null or "identity") throw new GrpcException(GrpcStatus.Internal, "grpc: compressed flag set with identity or empty encoding");
        if (encoding != "gzip")
            throw new GrpcException(GrpcStatus.Unimplemented, $"grpc: Decompressor is not installed for grpc-encoding \"{encoding}\"");

        try
        {
            using var source = new GZipStream(new MemoryStream(payload.ToArray(), writable: false), CompressionMode.Decompress);
            var inflated = new ArrayBufferWriter<byte>();
            while (true)
            {
                // The limit holds for what comes out as well: a small frame may hide a large message.
                var read = source.Read(inflated.GetSpan(4096));
                if (read == 0) return new ReadOnlySequence<byte>(inflated.WrittenMemory);
                inflated.Advance(read);
                if (inflated.WrittenCount > bytesMax)
                    throw new GrpcException(GrpcStatus.ResourceExhausted, $"grpc: received message after decompression larger than max ({inflated.WrittenCount} vs. {bytesMax})");
            }
        }
        catch (InvalidDataException e)
        {
            throw new GrpcException(GrpcStatus.Internal, "grpc: failed to decompress the received message", e);
        }
    }
}

using System.Buffers;
using System.Buffers.Binary;
using Google.Protobuf;

namespace Conclave.Wire.Grpc;

/// <summary>
/// gRPC's own framing inside an HTTP/2 body: <c>[compressed: 1 byte][length: 4 bytes, big endian][message]</c>, one after the other.
/// </summary>
internal static class GrpcFrame
{
    public const int HeaderBytes = 5;

    public static void Write(IBufferWriter<byte> output, IMessage message)
    {
        var size = message.CalculateSize();
        var span = output.GetSpan(HeaderBytes + size)[..(HeaderBytes + size)];
        Write(span, message);
        output.Advance(span.Length);
    }

    /// <summary>Fills <paramref name="span"/>, which must be exactly the size of header and message.</summary>
    public static void Write(Span<byte> span, IMessage message)
    {
        span[0] = 0;
        BinaryPrimitives.WriteUInt32BigEndian(span[1..], (uint)(span.Length - HeaderBytes));
        message.WriteTo(span[HeaderBytes..]);
    }

    /// <summary>Takes one whole message off the front of <paramref name="buffer"/>, or says that more bytes are needed.</summary>
    /// <exception cref="GrpcException">The frame cannot be one of ours: a bad flag, or larger than allowed.</exception>
    public static bool TryRead(ref ReadOnlySequence<byte> buffer, int bytesMax, out bool compressed, out ReadOnlySequence<byte> payload)
    {
        compressed = false;
        payload = default;
        if (buffer.Length < HeaderBytes) return false;

        Span<byte> header = stackalloc byte[HeaderBytes];
        buffer.Slice(0, HeaderBytes).CopyTo(header);
        if (header[0] > 1) throw new GrpcException(GrpcStatus.Internal, $"grpc: received unexpected payload format {header[0]}");
        compressed = header[0] == 1;

        // The length is judged before its bytes are waited for, so that nobody can make us buffer four gigabytes.
        var length = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        if (length > bytesMax)
            throw new GrpcException(GrpcStatus.ResourceExhausted, $"grpc: received message larger than max ({length} vs. {bytesMax})");
        if (buffer.Length < HeaderBytes + length) return false;

        payload = buffer.Slice(HeaderBytes, length);
        buffer = buffer.Slice(payload.End);
        return true;
    }
}

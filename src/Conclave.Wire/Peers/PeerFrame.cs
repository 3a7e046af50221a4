using System.Buffers;
using System.Buffers.Binary;
using System.Numerics;

namespace Conclave.Wire.Peers;

/// <summary>What came over a peer's stream is no frame: the stream must be closed, for nothing after it can be understood.</summary>
public sealed class PeerFrameException(string message) : Exception(message);

/// <summary>
/// One frame of a stream between two members, little-endian: <c>length (4) | CRC-32C of the payload (4) | payload</c>. TCP's own checksum is too weak for
/// what decides who leads, and a Unix socket has none.
/// </summary>
public static class PeerFrame
{
    /// <summary>Bytes before the payload.</summary>
    public const int HeaderBytes = 8;

    /// <summary>The longest payload that is sent or taken. 64 MiB.</summary>
    public const int MaxPayloadBytes = 64 << 20;

    /// <summary>Fills in the header of a frame whose payload stands behind it already.</summary>
    /// <exception cref="ArgumentException">The payload is longer than <see cref="MaxPayloadBytes"/>.</exception>
    public static void Seal(Span<byte> frame)
    {
        var payload = frame[HeaderBytes..];
        if (payload.Length > MaxPayloadBytes)
            throw new ArgumentException($"A frame of {payload.Length} bytes is over the limit of {MaxPayloadBytes}.", nameof(frame));
        BinaryPrimitives.WriteUInt32LittleEndian(frame, (uint)payload.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[4..], Checksum(payload));
    }

    /// <summary>A frame around <paramref name="payload"/>, for those that are written one by one.</summary>
    /// <exception cref="ArgumentException">The payload is longer than <see cref="MaxPayloadBytes"/>.</exception>
    public static byte[] Of(ReadOnlySpan<byte> payload)
    {
        var frame = new byte[HeaderBytes + payload.Length];
        payload.CopyTo(frame.AsSpan(HeaderBytes));
        Seal(frame);
        return frame;
    }

    /// <summary>Takes the first frame off <paramref name="input"/>; false when it is not whole yet.</summary>
    /// <exception cref="PeerFrameException">Over the limit, or damaged on the way.</exception>
    public static bool TryRead(ref ReadOnlySpan<byte> input, out ReadOnlySpan<byte> payload)
    {
        payload = default;
        if (input.Length < HeaderBytes)
            return false;
        var length = PayloadLength(input);
        if (input.Length - HeaderBytes < length)
            return false;
        payload = input.Slice(HeaderBytes, length);
        if (BinaryPrimitives.ReadUInt32LittleEndian(input[4..]) != Checksum(payload))
            throw new PeerFrameException("A frame's checksum does not match.");
        input = input[(HeaderBytes + length)..];
        return true;
    }

    /// <summary>The payload's length from a frame's first <see cref="HeaderBytes"/> bytes.</summary>
    /// <exception cref="PeerFrameException">Over the limit.</exception>
    public static int PayloadLength(ReadOnlySpan<byte> header)
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(header);
        return length <= MaxPayloadBytes ? (int)length : throw new PeerFrameException($"A frame of {length} bytes is over the limit of {MaxPayloadBytes}.");
    }

    private static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (var b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}

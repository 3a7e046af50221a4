using System.Buffers;
using System.Buffers.Binary;

namespace Conclave.Store.Wal;

/// <summary>
/// The frame of a record, all little-endian: <c>magic (3) | kind (1) | length (4) | CRC-32C (4) | payload</c>.
/// <para>
/// The checksum covers magic, kind, length and payload and is seeded with the segment's salt and the record's offset. So a record is valid in
/// one place of one segment only: bytes left behind by an earlier life of the disk's blocks cannot pass for the tail.
/// </para>
/// </summary>
internal static class WalRecord
{
    public const int FrameBytes = 12;
    private const uint Magic = 0x00_57_43_A7; // the low three bytes; the fourth is the kind

    public enum Kind : byte
    {
        Header = 1,
        Batch = 2,
    }

    public static uint Seed(uint salt, long offset) => Crc32C.Compute((ulong)offset, salt);

    /// <summary>Fills in the frame in front of a payload that was written after it; returns the checksum.</summary>
    public static uint Seal(Span<byte> record, Kind kind, uint seed)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(record, Magic | ((uint)kind << 24));
        BinaryPrimitives.WriteUInt32LittleEndian(record[4..], (uint)(record.Length - FrameBytes));
        var crc = Crc32C.Compute(record[FrameBytes..], Crc32C.Compute(record[..8], seed));
        BinaryPrimitives.WriteUInt32LittleEndian(record[8..], crc);
        return crc;
    }

    /// <summary>Reads the record at <paramref name="offset"/>; false when there is no valid one.</summary>
    public static bool TryRead(ReadOnlySpan<byte> segment, long offset, uint salt, out Kind kind, out ReadOnlySpan<byte> payload, out uint crc)
    {
        kind = default;
        payload = default;
        crc = 0;
        if (segment.Length - offset < FrameBytes)
            return false;
        var frame = segment[(int)offset..];
        var first = BinaryPrimitives.ReadUInt32LittleEndian(frame);
        if ((first & 0x00_FF_FF_FF) != Magic)
            return false;
        var length = BinaryPrimitives.ReadUInt32LittleEndian(frame[4..]);
        if (length > frame.Length - FrameBytes)
            return false;
        crc = BinaryPrimitives.ReadUInt32LittleEndian(frame[8..]);
        payload = frame.Slice(FrameBytes, (int)length);
        kind = (Kind)(first >> 24);
        return crc == Crc32C.Compute(payload, Crc32C.Compute(frame[..8], Seed(salt, offset)));
    }

    /// <summary>Whether any valid record begins after <paramref name="offset"/>: then what is at the offset is damage, not a torn tail.</summary>
    public static bool AnyAfter(ReadOnlySpan<byte> segment, long offset, uint salt)
    {
        for (var at = offset + 1; at <= segment.Length - FrameBytes; at++)
        {
            var next = segment[(int)at..].IndexOf((byte)(Magic & 0xFF));
            if (next < 0)
                return false;
            at += next;
            if (TryRead(segment, at, salt, out _, out _, out _))
                return true;
        }

        return false;
    }
}

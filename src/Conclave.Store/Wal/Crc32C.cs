using System.Buffers.Binary;
using System.Numerics;

namespace Conclave.Store.Wal;

/// <summary>CRC-32C (Castagnoli), by the processor's instruction where there is one. Seedable, so that checksums can be chained.</summary>
internal static class Crc32C
{
    /// <summary>The checksum of <paramref name="bytes"/>, going on from <paramref name="seed"/> (an earlier result, or 0).</summary>
    public static uint Compute(ReadOnlySpan<byte> bytes, uint seed = 0)
    {
        var crc = ~seed;
        while (bytes.Length >= sizeof(ulong))
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            bytes = bytes[sizeof(ulong)..];
        }

        foreach (var b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }

    /// <summary>Goes on from <paramref name="seed"/> with one number, little-endian.</summary>
    public static uint Compute(ulong number, uint seed) => ~BitOperations.Crc32C(~seed, number);
}

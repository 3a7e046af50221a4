using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Conclave.Store;

/// <summary>The primitives of our formats: bytes, LEB128 varints, fixed 64-bit little-endian numbers, and length-prefixed bytes.</summary>
internal readonly struct ByteWriter(IBufferWriter<byte> output)
{
    public void Byte(byte value)
    {
        output.GetSpan(1)[0] = value;
        output.Advance(1);
    }

    public void Fixed64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(output.GetSpan(8), value);
        output.Advance(8);
    }

    public void Varint(ulong value)
    {
        var span = output.GetSpan(10);
        var length = 0;
        while (value >= 0x80)
        {
            span[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        span[length++] = (byte)value;
        output.Advance(length);
    }

    /// <summary>Negative numbers are legal and take ten bytes: lease ids may have the top bit set.</summary>
    public void Number(long value) => Varint(unchecked((ulong)value));

    public void Bytes(ReadOnlySpan<byte> value)
    {
        Varint((ulong)value.Length);
        output.Write(value);
    }

    public void Text(string value) => Bytes(Encoding.UTF8.GetBytes(value));
}

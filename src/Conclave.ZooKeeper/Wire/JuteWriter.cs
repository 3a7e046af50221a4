using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Conclave.ZooKeeper.Wire;

/// <summary>Writes one frame of jute, ZooKeeper's encoding (<see cref="JuteReader"/>). For one thread.</summary>
internal sealed class JuteWriter
{
    private readonly ArrayBufferWriter<byte> _body = new(128);

    public void WriteInt(int value)
    {
        BinaryPrimitives.WriteInt32BigEndian(_body.GetSpan(sizeof(int)), value);
        _body.Advance(sizeof(int));
    }

    public void WriteLong(long value)
    {
        BinaryPrimitives.WriteInt64BigEndian(_body.GetSpan(sizeof(long)), value);
        _body.Advance(sizeof(long));
    }

    public void WriteBool(bool value) => _body.Write([value ? (byte)1 : (byte)0]);

    public void WriteBuffer(ReadOnlySpan<byte> value)
    {
        WriteInt(value.Length);
        _body.Write(value);
    }

    public void WriteString(string value) => WriteBuffer(Encoding.UTF8.GetBytes(value));

    public void WriteStrings(IReadOnlyCollection<string> values)
    {
        WriteInt(values.Count);
        foreach (var value in values)
            WriteString(value);
    }

    /// <summary>What was written, led by its length.</summary>
    public byte[] ToFrame()
    {
        var frame = new byte[sizeof(int) + _body.WrittenCount];
        BinaryPrimitives.WriteInt32BigEndian(frame, _body.WrittenCount);
        _body.WrittenSpan.CopyTo(frame.AsSpan(sizeof(int)));
        return frame;
    }
}

using System.Buffers.Binary;
using System.Text;

namespace Conclave.ZooKeeper.Wire;

/// <summary>
/// Reads jute, ZooKeeper's encoding: big-endian numbers, and strings, buffers and vectors led by their length, which is -1 for none.
/// A frame that ends too early or a length that it cannot hold is an <see cref="InvalidDataException"/>.
/// </summary>
internal ref struct JuteReader(ReadOnlySpan<byte> frame)
{
    private ReadOnlySpan<byte> _rest = frame;

    public readonly bool IsAtEnd => _rest.IsEmpty;

    public int ReadInt() => BinaryPrimitives.ReadInt32BigEndian(Take(sizeof(int)));

    public long ReadLong() => BinaryPrimitives.ReadInt64BigEndian(Take(sizeof(long)));

    public bool ReadBool() => Take(1)[0] != 0;

    /// <summary>Empty for none: nothing here tells the two apart.</summary>
    public byte[] ReadBuffer() => TakeCounted().ToArray();

    /// <inheritdoc cref="ReadBuffer"/>
    public string ReadString() => Encoding.UTF8.GetString(TakeCounted());

    public string[] ReadStrings()
    {
        var count = ReadInt();
        if (count <= 0)
            return [];

        // Each string has at least its length, so a count that the frame cannot hold must not allocate.
        if (count > _rest.Length / sizeof(int))
            throw new InvalidDataException($"A vector of {count} strings does not fit the {_rest.Length} bytes that are left of its frame.");
        var strings = new string[count];
        for (var i = 0; i < count; i++)
            strings[i] = ReadString();
        return strings;
    }

    private ReadOnlySpan<byte> TakeCounted()
    {
        var length = ReadInt();
        return length < 0 ? [] : Take(length);
    }

    private ReadOnlySpan<byte> Take(int length)
    {
        if (length > _rest.Length)
            throw new InvalidDataException($"{length} bytes are expected and {_rest.Length} are left of the frame.");
        var taken = _rest[..length];
        _rest = _rest[length..];
        return taken;
    }
}

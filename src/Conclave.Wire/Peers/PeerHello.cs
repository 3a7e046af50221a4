using System.Buffers.Binary;
using System.Text;

namespace Conclave.Wire.Peers;

/// <summary>
/// The first frame on a stream: who calls whom. Messages flow from the caller only; the called member answers once with a <see cref="PeerWelcome"/>.
/// </summary>
/// <param name="Version">Of what follows; both sides must speak the same.</param>
/// <param name="Cluster">The cluster's id.</param>
/// <param name="From">The calling member.</param>
/// <param name="To">The member it believes it calls.</param>
public readonly record struct PeerHello(uint Version, ulong Cluster, ulong From, ulong To)
{
    /// <summary>The version spoken here.</summary>
    public const uint CurrentVersion = 1;

    /// <summary>Bytes of the encoded payload.</summary>
    public const int EncodedBytes = 32;

    private static ReadOnlySpan<byte> Magic => "CVPR"u8;

    /// <summary>The payload.</summary>
    public void Write(Span<byte> to)
    {
        Magic.CopyTo(to);
        BinaryPrimitives.WriteUInt32LittleEndian(to[4..], Version);
        BinaryPrimitives.WriteUInt64LittleEndian(to[8..], Cluster);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], From);
        BinaryPrimitives.WriteUInt64LittleEndian(to[24..], To);
    }

    /// <summary>Reads a payload.</summary>
    /// <exception cref="PeerFrameException">No greeting of ours.</exception>
    public static PeerHello Read(ReadOnlySpan<byte> from)
    {
        if (from.Length != EncodedBytes || !from.StartsWith(Magic))
            throw new PeerFrameException("What called is no member of a Conclave cluster.");
        return new PeerHello(
            BinaryPrimitives.ReadUInt32LittleEndian(from[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[24..]));
    }
}

/// <summary>The answer to a <see cref="PeerHello"/>. Empty <paramref name="Refusal"/>: the caller may speak.</summary>
public readonly record struct PeerWelcome(string Refusal)
{
    /// <summary>The payload.</summary>
    public byte[] ToBytes() => Encoding.UTF8.GetBytes(Refusal);

    /// <summary>Reads a payload.</summary>
    public static PeerWelcome Read(ReadOnlySpan<byte> from) => new(Encoding.UTF8.GetString(from));
}

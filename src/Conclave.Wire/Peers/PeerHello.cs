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
/// <param name="Directory">The id of the caller's data directory: another one, and it is another disk that comes under the same name.</param>
/// <param name="Known">Whose data directories the caller knows, the called member's among them when they have met.</param>
public sealed record PeerHello(uint Version, ulong Cluster, ulong From, ulong To, ulong Directory, IReadOnlyList<PeerDirectory> Known)
{
    /// <summary>The version spoken here.</summary>
    public const uint CurrentVersion = 2;

    /// <summary>The most directories one greeting may name.</summary>
    public const int MaxKnown = 1_024;

    private const int FixedBytes = 44;
    private const int KnownBytes = 16;

    private static ReadOnlySpan<byte> Magic => "CVPR"u8;

    /// <summary>The payload.</summary>
    public byte[] ToBytes()
    {
        var payload = new byte[FixedBytes + (KnownBytes * Known.Count)];
        var to = payload.AsSpan();
        Magic.CopyTo(to);
        BinaryPrimitives.WriteUInt32LittleEndian(to[4..], Version);
        BinaryPrimitives.WriteUInt64LittleEndian(to[8..], Cluster);
        BinaryPrimitives.WriteUInt64LittleEndian(to[16..], From);
        BinaryPrimitives.WriteUInt64LittleEndian(to[24..], To);
        BinaryPrimitives.WriteUInt64LittleEndian(to[32..], Directory);
        BinaryPrimitives.WriteUInt32LittleEndian(to[40..], (uint)Known.Count);
        to = to[FixedBytes..];
        foreach (var known in Known)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(to, known.Member);
            BinaryPrimitives.WriteUInt64LittleEndian(to[8..], known.Directory);
            to = to[KnownBytes..];
        }

        return payload;
    }

    /// <summary>Reads a payload. Of another version only what stands first is read, so that one can say which it is.</summary>
    /// <exception cref="PeerFrameException">No greeting of ours.</exception>
    public static PeerHello Read(ReadOnlySpan<byte> from)
    {
        const int CommonBytes = 32;
        if (from.Length < CommonBytes || !from.StartsWith(Magic))
            throw NotOurs();
        var hello = new PeerHello(
            BinaryPrimitives.ReadUInt32LittleEndian(from[4..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[8..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[16..]),
            BinaryPrimitives.ReadUInt64LittleEndian(from[24..]),
            Directory: 0,
            []);
        if (hello.Version != CurrentVersion)
            return hello;
        if (from.Length < FixedBytes)
            throw NotOurs();
        var count = BinaryPrimitives.ReadUInt32LittleEndian(from[40..]);
        if (count > MaxKnown || from.Length != FixedBytes + (KnownBytes * (int)count))
            throw NotOurs();
        var known = new PeerDirectory[count];
        for (var i = 0; i < known.Length; i++)
        {
            var at = from[(FixedBytes + (KnownBytes * i))..];
            known[i] = new PeerDirectory(BinaryPrimitives.ReadUInt64LittleEndian(at), BinaryPrimitives.ReadUInt64LittleEndian(at[8..]));
        }

        return hello with { Directory = BinaryPrimitives.ReadUInt64LittleEndian(from[32..]), Known = known };
    }

    private static PeerFrameException NotOurs() => new("What called is no member of a Conclave cluster.");
}

/// <summary>A member, and the id of the data directory by which it is known.</summary>
public readonly record struct PeerDirectory(ulong Member, ulong Directory);

/// <summary>How a <see cref="PeerHello"/> was taken.</summary>
public enum PeerAnswer : byte
{
    /// <summary>The caller may speak.</summary>
    Welcome = 0,

    /// <summary>It may not, for the reason given; it may try again.</summary>
    Refused = 1,

    /// <summary>It is known by another data directory, and must not take part with this one.</summary>
    DirectoryReplaced = 2,
}

/// <summary>The answer to a <see cref="PeerHello"/>.</summary>
/// <param name="Answer">Whether the caller may speak.</param>
/// <param name="Directory">The id of the answering member's data directory.</param>
/// <param name="Refusal">Why not, for people; empty when it may.</param>
public readonly record struct PeerWelcome(PeerAnswer Answer, ulong Directory, string Refusal)
{
    private const int FixedBytes = 9;

    /// <summary>The payload.</summary>
    public byte[] ToBytes()
    {
        var payload = new byte[FixedBytes + Encoding.UTF8.GetByteCount(Refusal)];
        payload[0] = (byte)Answer;
        BinaryPrimitives.WriteUInt64LittleEndian(payload.AsSpan(1), Directory);
        Encoding.UTF8.GetBytes(Refusal, payload.AsSpan(FixedBytes));
        return payload;
    }

    /// <summary>Reads a payload.</summary>
    /// <exception cref="PeerFrameException">No answer of ours.</exception>
    public static PeerWelcome Read(ReadOnlySpan<byte> from)
    {
        if (from.Length < FixedBytes || from[0] > (byte)PeerAnswer.DirectoryReplaced)
            throw new PeerFrameException("What was called is no member of a Conclave cluster, or of another version.");
        return new PeerWelcome((PeerAnswer)from[0], BinaryPrimitives.ReadUInt64LittleEndian(from[1..]), Encoding.UTF8.GetString(from[FixedBytes..]));
    }
}

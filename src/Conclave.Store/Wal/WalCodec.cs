using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using Conclave.Consensus;
using Conclave.Consensus.Raft;

namespace Conclave.Store.Wal;

/// <summary>The payloads of the two kinds of record. Persisted: a change of layout is a new <see cref="FormatVersion"/>.</summary>
internal static class WalCodec
{
    public const uint FormatVersion = 1;
    private const int HardStateBytes = 25;
    private const int EntryFixedBytes = 21;

    /// <summary>The first record of every segment. It repeats the hard state and the mark, so that older segments can go.</summary>
    public readonly record struct Header(uint Version, DirectoryOwner Owner, ulong Sequence, HardState HardState, SnapshotMark? Mark);

    /// <summary>One turn's worth, valid as a whole or not at all.</summary>
    /// <param name="HardState">The new one, when it changed.</param>
    /// <param name="Mark">A snapshot that has become durable.</param>
    /// <param name="ResetsLog">The mark came from the leader and replaces every entry before it.</param>
    /// <param name="Entries">They replace everything from the index of the first of them.</param>
    public readonly record struct Batch(HardState? HardState, SnapshotMark? Mark, bool ResetsLog, IReadOnlyList<Entry> Entries)
    {
        /// <summary>It says nothing, so it says that its segment was closed behind it.</summary>
        public bool IsSeal => HardState is null && Mark is null && !ResetsLog && Entries.Count == 0;
    }

    [Flags]
    private enum Parts : byte
    {
        None = 0,
        HardState = 1,
        Mark = 2,
        ResetsLog = 4,
    }

    public static int EncodedBytes(Entry entry) => EntryFixedBytes + entry.Data.Length;

    public static void Write(IBufferWriter<byte> to, Header header)
    {
        WriteUInt32(to, header.Version);
        WriteUInt64(to, header.Owner.Cluster.Value);
        WriteUInt64(to, header.Owner.Member.Value);
        WriteUInt64(to, header.Sequence);
        Write(to, header.HardState);
        WriteByte(to, (byte)(header.Mark is null ? 0 : 1));
        if (header.Mark is { } mark)
            Write(to, mark);
    }

    public static Header ReadHeader(ReadOnlySpan<byte> from)
    {
        // The version and the owner stand first and stay there in every format, so that an old program can say what it met.
        var version = ReadUInt32(ref from);
        var owner = new DirectoryOwner(new ClusterId(ReadUInt64(ref from)), new PeerId(ReadUInt64(ref from)));
        if (version != FormatVersion)
            return new Header(version, owner, 0, default, null);
        var sequence = ReadUInt64(ref from);
        var hardState = ReadHardState(ref from);
        var mark = ReadByte(ref from) == 0 ? null : ReadMark(ref from);
        return new Header(version, owner, sequence, hardState, mark);
    }

    public static void Write(IBufferWriter<byte> to, HardState? hardState, SnapshotMark? mark, bool resetsLog, ReadOnlySpan<Entry> entries)
    {
        var parts = (hardState is null ? Parts.None : Parts.HardState) | (mark is null ? Parts.None : Parts.Mark) | (resetsLog ? Parts.ResetsLog : Parts.None);
        WriteByte(to, (byte)parts);
        if (hardState is { } state)
            Write(to, state);
        if (mark is not null)
            Write(to, mark);
        WriteUInt32(to, (uint)entries.Length);
        foreach (var entry in entries)
            Write(to, entry);
    }

    public static Batch ReadBatch(ReadOnlySpan<byte> from)
    {
        var parts = (Parts)ReadByte(ref from);
        HardState? hardState = parts.HasFlag(Parts.HardState) ? ReadHardState(ref from) : null;
        var mark = parts.HasFlag(Parts.Mark) ? ReadMark(ref from) : null;
        var count = (int)ReadUInt32(ref from);
        var entries = new Entry[count];
        for (var i = 0; i < count; i++)
            entries[i] = ReadEntry(ref from);
        return new Batch(hardState, mark, parts.HasFlag(Parts.ResetsLog), entries);
    }

    public static void Write(IBufferWriter<byte> to, SnapshotMark mark)
    {
        WriteUInt64(to, mark.Last.Term.Value);
        WriteUInt64(to, mark.Last.Index.Value);
        WriteUInt32(to, (uint)mark.Membership.Voters.Length);
        foreach (var voter in mark.Membership.Voters)
            WriteUInt64(to, voter.Value);
    }

    public static SnapshotMark ReadMark(ref ReadOnlySpan<byte> from)
    {
        var last = new EntryId(new Term(ReadUInt64(ref from)), new LogIndex(ReadUInt64(ref from)));
        var voters = ImmutableArray.CreateBuilder<PeerId>();
        for (var left = ReadUInt32(ref from); left > 0; left--)
            voters.Add(new PeerId(ReadUInt64(ref from)));
        return new SnapshotMark(last, new Membership(voters));
    }

    private static void Write(IBufferWriter<byte> to, Entry entry)
    {
        var span = to.GetSpan(EntryFixedBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(span, entry.Term.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(span[8..], entry.Index.Value);
        span[16] = (byte)entry.Kind;
        BinaryPrimitives.WriteUInt32LittleEndian(span[17..], (uint)entry.Data.Length);
        to.Advance(EntryFixedBytes);
        to.Write(entry.Data.Span);
    }

    private static Entry ReadEntry(ref ReadOnlySpan<byte> from)
    {
        var id = new EntryId(new Term(ReadUInt64(ref from)), new LogIndex(ReadUInt64(ref from)));
        var kind = (EntryKind)ReadByte(ref from);
        var length = (int)ReadUInt32(ref from);
        var bytes = from[..length].ToArray();
        from = from[length..];
        return new Entry(id, kind, bytes);
    }

    private static void Write(IBufferWriter<byte> to, HardState state)
    {
        var span = to.GetSpan(HardStateBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(span, state.Term.Value);
        span[8] = (byte)(state.Vote is null ? 0 : 1);
        BinaryPrimitives.WriteUInt64LittleEndian(span[9..], state.Vote?.Value ?? 0);
        BinaryPrimitives.WriteUInt64LittleEndian(span[17..], state.Commit.Value);
        to.Advance(HardStateBytes);
    }

    private static HardState ReadHardState(ref ReadOnlySpan<byte> from)
    {
        var term = new Term(ReadUInt64(ref from));
        var voted = ReadByte(ref from) != 0;
        var vote = new PeerId(ReadUInt64(ref from));
        return new HardState(term, voted ? vote : null, new LogIndex(ReadUInt64(ref from)));
    }

    private static void WriteByte(IBufferWriter<byte> to, byte value)
    {
        to.GetSpan(1)[0] = value;
        to.Advance(1);
    }

    private static void WriteUInt32(IBufferWriter<byte> to, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to.GetSpan(4), value);
        to.Advance(4);
    }

    private static void WriteUInt64(IBufferWriter<byte> to, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(to.GetSpan(8), value);
        to.Advance(8);
    }

    private static byte ReadByte(ref ReadOnlySpan<byte> from)
    {
        var value = from[0];
        from = from[1..];
        return value;
    }

    private static uint ReadUInt32(ref ReadOnlySpan<byte> from)
    {
        var value = BinaryPrimitives.ReadUInt32LittleEndian(from);
        from = from[4..];
        return value;
    }

    private static ulong ReadUInt64(ref ReadOnlySpan<byte> from)
    {
        var value = BinaryPrimitives.ReadUInt64LittleEndian(from);
        from = from[8..];
        return value;
    }
}

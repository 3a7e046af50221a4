using System.Buffers;
using System.Text;
using Conclave.Consensus;
using Conclave.Store.Mvcc;

namespace Conclave.Store;

/// <summary>The bytes are no snapshot of this version. The state is as it was before.</summary>
public sealed class SnapshotFormatException(string message) : Exception(message);

/// <summary>
/// The whole state as bytes. Layout, with the primitives of <see cref="ByteWriter"/>:
/// <code>
/// "CSNP" version:1  applied term, index  revision  compacted
/// members: count (id:8 name peer-urls client-urls)*
/// leases:  count (id ttl)*                            keys attached follow from the keys themselves
/// base:    count kv*                                  what keys held at the compaction, by key
/// history: count kv*                                  every version since, in order; version 0 is a deletion
/// </code>
/// Whether the bytes are intact is the business of the file around them (a CRC per record); here damage shows as <see cref="SnapshotFormatException"/> at best.
/// </summary>
public sealed partial class Applier
{
    private const byte SnapshotVersion = 1;
    private const int ChunkBytes = 256 * 1024;

    /// <summary>
    /// The state as of this call, whatever is applied while it is read. Chunks have at most 256 KiB; they are fresh arrays, may be read later and on another
    /// thread, and mean the same however they are cut anew.
    /// </summary>
    public IEnumerable<ReadOnlyMemory<byte>> WriteSnapshot()
    {
        // Taken here and not in the iterator, which runs only when somebody asks for the first chunk.
        var (applied, image, leases, members) = (Applied, Store.TakeImage(), Leases.Export(), _members.ToArray());
        return Chunks(applied, image, leases, members);
    }

    /// <summary>Replaces the whole state. Watches go on where they were, or end because what they need is compacted.</summary>
    /// <exception cref="SnapshotFormatException">Nothing is changed then.</exception>
    public void Restore(IEnumerable<ReadOnlyMemory<byte>> chunks)
    {
        using var reader = new ChunkReader(chunks);
        foreach (var expected in "CSNP"u8)
        {
            if (reader.Byte() != expected)
                throw new SnapshotFormatException("Not a snapshot.");
        }

        var version = reader.Byte();
        if (version != SnapshotVersion)
            throw new SnapshotFormatException($"Snapshot version {version} is unknown; this build reads version {SnapshotVersion}.");
        var applied = new EntryId(new Term(reader.Varint()), new LogIndex(reader.Varint()));
        var (current, compacted) = (new Revision(reader.Number()), new Revision(reader.Number()));
        var members = reader.List(ReadMember);
        var leases = reader.List(source => (Id: new LeaseId(source.Number()), Ttl: source.Number()));
        var held = reader.List(ReadVersion);
        var history = reader.List(ReadVersion);
        if (!reader.AtEnd)
            throw new SnapshotFormatException("Bytes follow the snapshot.");
        Install(applied, new StoreImage(current, compacted, held, history), leases, members);
    }

    private void Install(
        EntryId applied, StoreImage image, List<(LeaseId Id, long Ttl)> leases, List<(PeerId Id, MemberAttributes Attributes)> members)
    {
        Invariant.Require(applied.Index >= Applied.Index, $"A snapshot at {applied} does not take back what is applied, {Applied}");
        var before = Store.Current;
        Store.Install(image);
        Leases.Reset(leases);
        if (Store.Range(new RangeQuery(KeyRange.All), out var all) == StoreError.None)
        {
            foreach (var kv in all.Kvs.Where(kv => kv.Lease != LeaseId.None))
                Leases.Attach(kv.Lease, kv.Key);
        }

        _members.Clear();
        foreach (var (id, attributes) in members)
            _members[id] = attributes;
        Applied = applied;
        Watches.StoreReplaced(before);
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Chunks(
        EntryId applied, StoreImage image, IReadOnlyList<(LeaseId Id, long Ttl)> leases, KeyValuePair<PeerId, MemberAttributes>[] members)
    {
        var buffer = new ArrayBufferWriter<byte>(ChunkBytes);
        var writer = new ByteWriter(buffer);
        buffer.Write("CSNP"u8);
        writer.Byte(SnapshotVersion);
        writer.Varint(applied.Term.Value);
        writer.Varint(applied.Index.Value);
        writer.Number(image.Current.Value);
        writer.Number(image.Compacted.Value);
        writer.Varint((ulong)members.Length);
        foreach (var (id, attributes) in members)
            WriteMember(writer, id, attributes);
        writer.Varint((ulong)leases.Count);
        foreach (var (id, ttl) in leases)
        {
            writer.Number(id.Value);
            writer.Number(ttl);
        }

        foreach (var versions in new[] { image.Base, image.History })
        {
            writer.Varint((ulong)versions.Count);
            foreach (var kv in versions)
            {
                WriteVersion(writer, kv);
                if (buffer.WrittenCount < ChunkBytes)
                    continue;
                ReadOnlyMemory<byte> rest = buffer.WrittenSpan.ToArray();
                for (; !rest.IsEmpty; rest = rest[Math.Min(ChunkBytes, rest.Length)..])
                    yield return rest[..Math.Min(ChunkBytes, rest.Length)];
                buffer.ResetWrittenCount();
            }
        }

        if (buffer.WrittenCount > 0)
            yield return buffer.WrittenSpan.ToArray();
    }

    private static void WriteMember(ByteWriter writer, PeerId id, MemberAttributes attributes)
    {
        writer.Fixed64(id.Value);
        writer.Text(attributes.Name);
        foreach (var urls in new[] { attributes.PeerUrls, attributes.ClientUrls })
        {
            writer.Varint((ulong)urls.Count);
            foreach (var url in urls)
                writer.Text(url);
        }
    }

    private static (PeerId Id, MemberAttributes Attributes) ReadMember(ChunkReader reader) => (
        new PeerId(reader.Fixed64()),
        new MemberAttributes(reader.Text(), reader.List(source => source.Text()), reader.List(source => source.Text())));

    private static void WriteVersion(ByteWriter writer, KeyValue kv)
    {
        writer.Number(kv.Version);
        writer.Number(kv.ModRevision.Value);
        writer.Bytes(kv.Key.Span);
        if (kv.IsTombstone)
            return;
        writer.Number(kv.CreateRevision.Value);
        writer.Number(kv.Lease.Value);
        writer.Bytes(kv.Value.Span);
    }

    private static KeyValue ReadVersion(ChunkReader reader)
    {
        var (version, mod, key) = (reader.Number(), new Revision(reader.Number()), reader.Bytes());
        if (version == 0)
            return KeyValue.Tombstone(key, mod);
        var (create, lease) = (new Revision(reader.Number()), new LeaseId(reader.Number()));
        return new KeyValue(key, reader.Bytes(), create, mod, version, lease);
    }

    /// <summary>Reads across the seams of chunks.</summary>
    private sealed class ChunkReader(IEnumerable<ReadOnlyMemory<byte>> chunks) : IDisposable
    {
        private readonly IEnumerator<ReadOnlyMemory<byte>> _chunks = chunks.GetEnumerator();
        private ReadOnlyMemory<byte> _rest;

        public bool AtEnd => !Refill();

        public byte Byte()
        {
            if (!Refill())
                throw Truncated();
            var value = _rest.Span[0];
            _rest = _rest[1..];
            return value;
        }

        public ulong Fixed64()
        {
            ulong value = 0;
            for (var shift = 0; shift < 64; shift += 8)
                value |= (ulong)Byte() << shift;
            return value;
        }

        public ulong Varint()
        {
            ulong value = 0;
            for (var shift = 0; shift < 64; shift += 7)
            {
                var b = Byte();
                value |= (ulong)(b & 0x7f) << shift;
                if (b < 0x80)
                    return value;
            }

            throw new SnapshotFormatException("A number has no end.");
        }

        public long Number() => unchecked((long)Varint());

        /// <summary>A copy. A damaged length meets the end of the input before it takes more memory than the input has bytes.</summary>
        public byte[] Bytes()
        {
            var length = Varint();
            if (Refill() && length <= (ulong)_rest.Length)
            {
                var whole = _rest[..(int)length].ToArray();
                _rest = _rest[(int)length..];
                return whole;
            }

            var parts = new ArrayBufferWriter<byte>();
            while (length > 0)
            {
                if (!Refill())
                    throw Truncated();
                var part = (int)Math.Min(length, (ulong)_rest.Length);
                parts.Write(_rest.Span[..part]);
                _rest = _rest[part..];
                length -= (ulong)part;
            }

            return parts.WrittenSpan.ToArray();
        }

        public string Text() => Encoding.UTF8.GetString(Bytes());

        public List<T> List<T>(Func<ChunkReader, T> read)
        {
            var list = new List<T>();
            for (var left = Varint(); left > 0; left--)
                list.Add(read(this));
            return list;
        }

        public void Dispose() => _chunks.Dispose();

        private bool Refill()
        {
            while (_rest.IsEmpty)
            {
                if (!_chunks.MoveNext())
                    return false;
                _rest = _chunks.Current;
            }

            return true;
        }

        private static SnapshotFormatException Truncated() => new("The snapshot ends within a field.");
    }
}

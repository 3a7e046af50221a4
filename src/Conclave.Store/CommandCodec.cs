using System.Buffers;
using Conclave.Consensus;
using Conclave.Store.Mvcc;

namespace Conclave.Store;

/// <summary>The bytes of an entry are no command of this version: written by a newer version, or damaged.</summary>
public sealed class CommandFormatException(string message) : Exception(message);

/// <summary>
/// The encoding of commands in the log. Equal commands have equal bytes. An entry is
/// <code>version:1 kind:1 origin:8 number:varint fields...</code>
/// with varints in LEB128 (shortest form only), bytes prefixed by their length, and flags in one byte whose unknown bits are refused.
/// A change of meaning gets a new version; old versions stay readable for as long as a log may hold them.
/// </summary>
public static class CommandCodec
{
    /// <summary>Transactions nested deeper are no valid encoding, which bounds the recursion of whoever reads or applies one.</summary>
    public const int TxnDepthMax = 16;

    private const byte Version = 1;

    private enum Kind : byte
    {
        Range = 1,
        Put = 2,
        DeleteRange = 3,
        Txn = 4,
        Compact = 5,
        GrantLease = 6,
        RevokeLease = 7,
        PublishMember = 8,
    }

    [Flags]
    private enum Flag : byte
    {
        None = 0,
        PrevKv = 1,
        IgnoreValue = 2,
        IgnoreLease = 4,
        KeysOnly = 8,
        CountOnly = 16,
    }

    /// <summary>The bytes to propose.</summary>
    /// <exception cref="ArgumentException">Transactions nested deeper than <see cref="TxnDepthMax"/>; <see cref="CommandGate"/> refuses them first.</exception>
    public static byte[] Encode(RequestId request, Command command)
    {
        var buffer = new ArrayBufferWriter<byte>(SizeHint(command));
        var writer = new ByteWriter(buffer);
        writer.Byte(Version);
        writer.Byte((byte)KindOf(command));
        writer.Fixed64(request.Origin.Value);
        writer.Varint(request.Number);
        WriteFields(writer, command, TxnDepthMax);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The command and whose it is. Keys and values are slices of <paramref name="entry"/>, not copies.</summary>
    /// <exception cref="CommandFormatException">Not a command of this version.</exception>
    public static (RequestId Request, Command Command) Decode(ReadOnlyMemory<byte> entry)
    {
        var reader = new Reader(entry);
        var version = reader.Byte();
        if (version != Version)
            throw new CommandFormatException($"Command version {version} is unknown; this build reads version {Version}.");
        var kind = (Kind)reader.Byte();
        var request = new RequestId(new PeerId(reader.Fixed64()), reader.Varint());
        var command = ReadFields(ref reader, kind, TxnDepthMax);
        if (!reader.AtEnd)
            throw new CommandFormatException("Bytes follow the command.");
        return (request, command);
    }

    private static int SizeHint(Command command) => command is Command.Put put ? put.Key.Length + put.Value.Length + 48 : 128;

    private static Kind KindOf(Command command) => command switch
    {
        Command.Range => Kind.Range,
        Command.Put => Kind.Put,
        Command.DeleteRange => Kind.DeleteRange,
        Command.Txn => Kind.Txn,
        Command.Compact => Kind.Compact,
        Command.GrantLease => Kind.GrantLease,
        Command.RevokeLease => Kind.RevokeLease,
        Command.PublishMember => Kind.PublishMember,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static void WriteFields(ByteWriter writer, Command command, int depthLeft)
    {
        switch (command)
        {
            case Command.Range range:
                WriteQuery(writer, range.Query);
                break;
            case Command.Put put:
                writer.Byte((byte)(If(put.PrevKv, Flag.PrevKv) | If(put.IgnoreValue, Flag.IgnoreValue) | If(put.IgnoreLease, Flag.IgnoreLease)));
                writer.Number(put.Lease.Value);
                writer.Bytes(put.Key.Span);
                writer.Bytes(put.Value.Span);
                break;
            case Command.DeleteRange delete:
                writer.Byte((byte)If(delete.PrevKv, Flag.PrevKv));
                WriteKeys(writer, delete.Keys);
                break;
            case Command.Txn txn:
                if (depthLeft == 0)
                    throw new ArgumentException($"Transactions nest deeper than {TxnDepthMax}.", nameof(command));
                writer.Varint((ulong)txn.Compares.Count);
                foreach (var compare in txn.Compares)
                    WriteCompare(writer, compare);
                WriteOps(writer, txn.Success, depthLeft - 1);
                WriteOps(writer, txn.Failure, depthLeft - 1);
                break;
            case Command.Compact compact:
                writer.Number(compact.At.Value);
                break;
            case Command.GrantLease grant:
                writer.Number(grant.Id.Value);
                writer.Number(grant.Ttl);
                break;
            case Command.RevokeLease revoke:
                writer.Number(revoke.Id.Value);
                break;
            case Command.PublishMember publish:
                writer.Fixed64(publish.Member.Value);
                writer.Text(publish.Name);
                WriteTexts(writer, publish.PeerUrls);
                WriteTexts(writer, publish.ClientUrls);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private static Command ReadFields(ref Reader reader, Kind kind, int depthLeft)
    {
        switch (kind)
        {
            case Kind.Range or Kind.Put or Kind.DeleteRange or Kind.Txn:
                return ReadOp(ref reader, kind, depthLeft);
            case Kind.Compact:
                return new Command.Compact(new Revision(reader.Number()));
            case Kind.GrantLease:
                return new Command.GrantLease(new LeaseId(reader.Number()), reader.Number());
            case Kind.RevokeLease:
                return new Command.RevokeLease(new LeaseId(reader.Number()));
            case Kind.PublishMember:
                return new Command.PublishMember(new PeerId(reader.Fixed64()), reader.Text(), ReadTexts(ref reader), ReadTexts(ref reader));
            default:
                throw new CommandFormatException($"Command kind {(byte)kind} is unknown.");
        }
    }

    private static Command.Op ReadOp(ref Reader reader, Kind kind, int depthLeft)
    {
        switch (kind)
        {
            case Kind.Range:
                return new Command.Range(ReadQuery(ref reader));
            case Kind.Put:
                var flags = reader.Flags(Flag.PrevKv | Flag.IgnoreValue | Flag.IgnoreLease);
                var lease = new LeaseId(reader.Number());
                return new Command.Put(
                    reader.Bytes(), reader.Bytes(), lease, flags.HasFlag(Flag.PrevKv), flags.HasFlag(Flag.IgnoreValue), flags.HasFlag(Flag.IgnoreLease));
            case Kind.DeleteRange:
                var prevKv = reader.Flags(Flag.PrevKv) != Flag.None;
                return new Command.DeleteRange(ReadKeys(ref reader), prevKv);
            case Kind.Txn:
                if (depthLeft == 0)
                    throw new CommandFormatException($"Transactions nest deeper than {TxnDepthMax}.");
                var compares = new Compare[reader.Count()];
                for (var i = 0; i < compares.Length; i++)
                    compares[i] = ReadCompare(ref reader);
                return new Command.Txn(compares, ReadOps(ref reader, depthLeft - 1), ReadOps(ref reader, depthLeft - 1));
            default:
                throw new CommandFormatException($"Kind {(byte)kind} is no operation of a transaction.");
        }
    }

    private static void WriteOps(ByteWriter writer, IReadOnlyList<Command.Op> ops, int depthLeft)
    {
        writer.Varint((ulong)ops.Count);
        foreach (var op in ops)
        {
            writer.Byte((byte)KindOf(op));
            WriteFields(writer, op, depthLeft);
        }
    }

    private static Command.Op[] ReadOps(ref Reader reader, int depthLeft)
    {
        var ops = new Command.Op[reader.Count()];
        for (var i = 0; i < ops.Length; i++)
            ops[i] = ReadOp(ref reader, (Kind)reader.Byte(), depthLeft);
        return ops;
    }

    private static void WriteCompare(ByteWriter writer, Compare compare)
    {
        writer.Byte((byte)compare.Target);
        writer.Byte((byte)compare.Relation);
        WriteKeys(writer, compare.Keys);
        writer.Number(compare.Number);
        writer.Bytes(compare.Value.Span);
    }

    private static Compare ReadCompare(ref Reader reader)
    {
        var target = (CompareTarget)reader.Byte(atMost: (byte)CompareTarget.Lease);
        var relation = (CompareRelation)reader.Byte(atMost: (byte)CompareRelation.NotEqual);
        return new Compare(ReadKeys(ref reader), target, relation, reader.Number(), reader.Bytes());
    }

    private static void WriteQuery(ByteWriter writer, RangeQuery query)
    {
        writer.Byte((byte)(If(query.KeysOnly, Flag.KeysOnly) | If(query.CountOnly, Flag.CountOnly)));
        writer.Byte((byte)query.Sort);
        writer.Byte((byte)query.Order);
        WriteKeys(writer, query.Keys);
        writer.Number(query.Revision.Value);
        writer.Number(query.Limit);
        writer.Number(query.MinModRevision.Value);
        writer.Number(query.MaxModRevision.Value);
        writer.Number(query.MinCreateRevision.Value);
        writer.Number(query.MaxCreateRevision.Value);
    }

    private static RangeQuery ReadQuery(ref Reader reader)
    {
        var flags = reader.Flags(Flag.KeysOnly | Flag.CountOnly);
        var sort = (RangeSort)reader.Byte(atMost: (byte)RangeSort.Value);
        var order = (RangeOrder)reader.Byte(atMost: (byte)RangeOrder.Descending);
        return new RangeQuery(ReadKeys(ref reader))
        {
            KeysOnly = flags.HasFlag(Flag.KeysOnly),
            CountOnly = flags.HasFlag(Flag.CountOnly),
            Sort = sort,
            Order = order,
            Revision = new Revision(reader.Number()),
            Limit = reader.Number(),
            MinModRevision = new Revision(reader.Number()),
            MaxModRevision = new Revision(reader.Number()),
            MinCreateRevision = new Revision(reader.Number()),
            MaxCreateRevision = new Revision(reader.Number()),
        };
    }

    private static void WriteKeys(ByteWriter writer, KeyRange keys)
    {
        writer.Bytes(keys.Key.Span);
        writer.Bytes(keys.End.Span);
    }

    private static KeyRange ReadKeys(ref Reader reader) => new(reader.Bytes(), reader.Bytes());

    private static void WriteTexts(ByteWriter writer, IReadOnlyList<string> texts)
    {
        writer.Varint((ulong)texts.Count);
        foreach (var text in texts)
            writer.Text(text);
    }

    private static string[] ReadTexts(ref Reader reader)
    {
        var texts = new string[reader.Count()];
        for (var i = 0; i < texts.Length; i++)
            texts[i] = reader.Text();
        return texts;
    }

    private static Flag If(bool condition, Flag flag) => condition ? flag : Flag.None;

    private struct Reader(ReadOnlyMemory<byte> input)
    {
        private int _at;

        public readonly bool AtEnd => _at == input.Length;

        private readonly int Left => input.Length - _at;

        public byte Byte(byte atMost = byte.MaxValue)
        {
            if (AtEnd)
                throw Truncated();
            var value = input.Span[_at++];
            return value <= atMost ? value : throw new CommandFormatException($"{value} at {_at - 1} exceeds {atMost}.");
        }

        public Flag Flags(Flag known)
        {
            var flags = (Flag)Byte();
            return (flags & ~known) == Flag.None ? flags : throw new CommandFormatException($"Flags {(byte)flags:x} at {_at - 1} are unknown.");
        }

        public ulong Fixed64()
        {
            if (Left < 8)
                throw Truncated();
            var value = System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(input.Span[_at..]);
            _at += 8;
            return value;
        }

        public ulong Varint()
        {
            ulong value = 0;
            for (var shift = 0; shift < 70; shift += 7)
            {
                var b = Byte();
                if (shift == 63 && b > 1)
                    break;
                value |= (ulong)(b & 0x7f) << shift;
                if (b >= 0x80)
                    continue;
                // One number, one encoding: a padded varint would make equal commands unequal bytes.
                if (b == 0 && shift > 0)
                    break;
                return value;
            }

            throw new CommandFormatException($"No valid number ends at {_at}.");
        }

        public long Number() => unchecked((long)Varint());

        /// <summary>A count of things that take at least a byte each, so that a damaged count cannot ask for more memory than the entry has bytes.</summary>
        public int Count()
        {
            var count = Varint();
            return count <= (ulong)Left ? (int)count : throw Truncated();
        }

        public ReadOnlyMemory<byte> Bytes()
        {
            var length = Count();
            var bytes = input.Slice(_at, length);
            _at += length;
            return bytes;
        }

        public string Text()
        {
            try
            {
                return StrictUtf8.GetString(Bytes().Span);
            }
            catch (System.Text.DecoderFallbackException)
            {
                throw new CommandFormatException($"Text that ends at {_at} is not UTF-8.");
            }
        }

        private readonly CommandFormatException Truncated() => new($"The command ends within a field at {_at}.");
    }

    private static readonly System.Text.UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
}

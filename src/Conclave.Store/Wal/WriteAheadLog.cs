using System.Buffers;
using System.Runtime.InteropServices;
using Conclave.Consensus;
using Conclave.Consensus.Raft;

namespace Conclave.Store.Wal;

/// <summary>
/// The durable log: segments <c>wal/&lt;sequence&gt;.wal</c>, appended to and never changed. The active one is allocated ahead, so zeros may follow its last record; a
/// segment that is closed ends with an empty batch, its seal, and is cut there.
/// <para>
/// One turn is one record and one flush. It is one record, not several, because an unflushed write may reach the disk in any order: of two
/// records the second could survive without the first, and then a torn tail would look like damage. With one, whatever is
/// not yet flushed is the last record of the last segment, so everything before it must be whole, and is refused when it is not.
/// </para>
/// </summary>
internal sealed partial class WriteAheadLog : IDisposable
{
    public const string Directory = "wal";

    private readonly IDisk _disk;
    private readonly DirectoryOwner _owner;
    private readonly WalOptions _options;
    private readonly List<Segment> _closed = [];
    private ArrayBufferWriter<byte> _buffer = new();
    private Segment _active;
    private IDiskFile _file;
    private long _closedBytes;
    private long _length;
    private long _allocated;
    private HardState _hardState;
    private SnapshotMark? _mark;

    private WriteAheadLog(IDisk disk, DirectoryOwner owner, WalOptions options, IEnumerable<Segment> closed, Segment active, IDiskFile file, long length, HardState hardState, SnapshotMark? mark)
    {
        _disk = disk;
        _owner = owner;
        _options = options;
        _closed.AddRange(closed);
        _closedBytes = _closed.Sum(s => s.Bytes);
        _active = active;
        _file = file;
        _length = length;
        _hardState = hardState;
        _mark = mark;
    }

    /// <summary>Bytes on disk, all segments.</summary>
    public long Bytes => _closedBytes + _length;

    /// <summary>How many segments there are.</summary>
    public int SegmentCount => _closed.Count + 1;

    /// <summary>Appends one turn and returns when it is durable.</summary>
    public void Append(HardState? hardState, IReadOnlyList<Entry> entries) => Append(hardState, null, resetsLog: false, entries);

    /// <summary>Notes that a snapshot of our own is durable. From now on a start without that snapshot, or an older one and the entries between, is refused.</summary>
    public void NoteSnapshot(SnapshotMark mark)
    {
        _mark = mark;
        WriteRecord(null, mark, resetsLog: false, []);
        _file.Flush();
    }

    /// <summary>Appends one turn in which a snapshot from the leader replaced the whole log.</summary>
    public void Reset(SnapshotMark mark, HardState? hardState, IReadOnlyList<Entry> entries) => Append(hardState, mark, resetsLog: true, entries);

    /// <summary>Removes the segments that hold nothing after <paramref name="index"/>.</summary>
    public void DropThrough(LogIndex index)
    {
        var count = 0;
        while (count < _closed.Count && _closed[count].LastIndex <= index)
            count++;
        if (count == 0)
            return;
        for (var i = 0; i < count; i++)
            _disk.Delete(_closed[i].Path);
        _disk.SyncDirectory(Directory);
        _closed.RemoveRange(0, count);
        _closedBytes = _closed.Sum(s => s.Bytes);
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private void Append(HardState? hardState, SnapshotMark? mark, bool resetsLog, IReadOnlyList<Entry> entries)
    {
        _hardState = hardState ?? _hardState;
        _mark = mark ?? _mark;
        var all = entries as Entry[] ?? [.. entries];
        var from = 0;
        do
        {
            // The hard state goes with the first piece: a term must not be on disk after the entries of that term.
            var count = CountThatFits(all.AsSpan(from));
            WriteRecord(from == 0 ? hardState : null, from == 0 ? mark : null, from == 0 && resetsLog, all.AsSpan(from, count));
            _file.Flush();
            from += count;
        }
        while (from < all.Length);

        if (_length >= _options.SegmentBytes)
            Roll();
    }

    private int CountThatFits(ReadOnlySpan<Entry> entries)
    {
        long bytes = 0;
        for (var i = 0; i < entries.Length; i++)
        {
            bytes += WalCodec.EncodedBytes(entries[i]);
            if (bytes > _options.MaxRecordBytes && i > 0)
                return i;
        }

        return entries.Length;
    }

    private void WriteRecord(HardState? hardState, SnapshotMark? mark, bool resetsLog, ReadOnlySpan<Entry> entries)
    {
        var record = StartRecord();
        WalCodec.Write(record, hardState, mark, resetsLog, entries);
        var bytes = MemoryMarshal.AsMemory(record.WrittenMemory).Span;
        WalRecord.Seal(bytes, WalRecord.Kind.Batch, WalRecord.Seed(_active.Salt, _length));
        AllocateFor(_length + bytes.Length);
        _file.Write(_length, bytes);
        _length += bytes.Length;
        if (entries.Length > 0 && entries[^1].Index > _active.LastIndex)
            _active = _active with { LastIndex = entries[^1].Index };
    }

    private void AllocateFor(long length)
    {
        if (_options.AllocateBytes == 0 || length <= _allocated)
            return;

        // Not tried again before the next piece is due when the disk could not: then the segment grows with each record until it can or the disk is full.
        var pieces = (length + _options.AllocateBytes - 1) / _options.AllocateBytes * _options.AllocateBytes;
        _allocated = Math.Max(length, Math.Min(pieces, _options.SegmentBytes));
        _file.Allocate(_allocated);
    }

    private ArrayBufferWriter<byte> StartRecord()
    {
        if (_buffer.Capacity > _options.MaxRecordBytes)
            _buffer = new ArrayBufferWriter<byte>();
        _buffer.ResetWrittenCount();
        Reserve(_buffer);
        return _buffer;
    }

    private void Roll()
    {
        // The seal is for a power cut that keeps the next segment and not the cut of this one: the zeros after it then are no damage, as they would be after anything else.
        WriteRecord(null, null, resetsLog: false, []);
        _file.Truncate(_length);
        _file.Flush();
        _file.Dispose();
        _closed.Add(_active with { Bytes = _length });
        _closedBytes += _length;
        (_active, _file, _length) = CreateSegment(_disk, _owner, _active.Sequence + 1, _hardState, _mark);
        _allocated = 0;
    }

    private static void Reserve(ArrayBufferWriter<byte> buffer)
    {
        buffer.GetSpan(WalRecord.FrameBytes)[..WalRecord.FrameBytes].Clear();
        buffer.Advance(WalRecord.FrameBytes);
    }

    /// <summary>The name appears only when the header under it is durable, so a segment without a whole header is damage.</summary>
    private static (Segment Segment, IDiskFile File, long Length) CreateSegment(IDisk disk, DirectoryOwner owner, ulong sequence, HardState hardState, SnapshotMark? mark)
    {
        var buffer = new ArrayBufferWriter<byte>();
        Reserve(buffer);
        WalCodec.Write(buffer, new WalCodec.Header(WalCodec.FormatVersion, owner, sequence, hardState, mark));
        var bytes = MemoryMarshal.AsMemory(buffer.WrittenMemory).Span;
        var salt = WalRecord.Seal(bytes, WalRecord.Kind.Header, WalRecord.Seed(0, 0));
        var path = Segment.PathOf(sequence);
        var file = CreateUnderFinalName(disk, path, bytes);
        return (new Segment(sequence, salt, default, bytes.Length), file, bytes.Length);
    }

    private static IDiskFile CreateUnderFinalName(IDisk disk, string path, ReadOnlySpan<byte> bytes)
    {
        var temporary = path + ".tmp";
        var file = disk.Create(temporary);
        file.Write(0, bytes);
        file.Flush();
        disk.Rename(temporary, path);
        disk.SyncDirectory(Directory);
        return file;
    }

    /// <param name="Sequence">Counts up by one; the first is 1.</param>
    /// <param name="Salt">The checksum of its header, the seed of every other record in it.</param>
    /// <param name="LastIndex">The highest index of any entry in it, replaced ones included.</param>
    /// <param name="Bytes">Its length, once closed.</param>
    private readonly record struct Segment(ulong Sequence, uint Salt, LogIndex LastIndex, long Bytes)
    {
        public string Path => PathOf(Sequence);

        public static string PathOf(ulong sequence) => $"{Directory}/{sequence:x16}.wal";
    }
}

using System.Buffers.Binary;
using Conclave.Consensus.Raft;
using Conclave.Store.Wal;

namespace Conclave.Store.Snapshots;

/// <summary>A snapshot of our own while it is being written, in a temporary file.</summary>
internal sealed class OutgoingSnapshot : IDisposable
{
    private const string Path = SnapshotFiles.Directory + "/taken.tmp";
    private readonly SnapshotFiles _files;
    private readonly IDiskFile _file;
    private readonly IEnumerator<ReadOnlyMemory<byte>> _body;
    private long _offset;
    private uint _crc;

    internal OutgoingSnapshot(SnapshotFiles files, IDisk disk, SnapshotMark mark, ReadOnlyMemory<byte> head, IEnumerable<ReadOnlyMemory<byte>> body)
    {
        _files = files;
        Mark = mark;
        _file = disk.Create(Path);
        _body = body.GetEnumerator();
        Append(head.Span);
    }

    /// <summary>What it is the state of.</summary>
    public SnapshotMark Mark { get; }

    /// <summary>Writes and flushes about <paramref name="bytes"/> more; true when it is whole and durable.</summary>
    public bool Write(int bytes)
    {
        var whole = false;
        for (var end = _offset + bytes; !whole && _offset < end;)
        {
            if (_body.MoveNext())
                Append(_body.Current.Span);
            else
                whole = true;
        }

        if (whole)
        {
            Span<byte> crc = stackalloc byte[SnapshotFiles.CrcBytes];
            BinaryPrimitives.WriteUInt32LittleEndian(crc, _crc);
            _file.Write(_offset, crc);
        }

        _file.Flush();
        return whole;
    }

    /// <summary>Makes it this member's newest snapshot.</summary>
    public void Publish() => _files.Publish(Path, Mark.Last);

    /// <inheritdoc/>
    public void Dispose()
    {
        _body.Dispose();
        _file.Dispose();
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        _file.Write(_offset, bytes);
        _crc = Crc32C.Compute(bytes, _crc);
        _offset += bytes.Length;
    }
}

using Conclave.Consensus.Raft;

namespace Conclave.Store.Snapshots;

/// <summary>A snapshot file on its way to one follower: a window of chunks, moved on by acknowledgements.</summary>
internal sealed class SnapshotStream(SnapshotMark mark, IDiskFile file, ReplicaOptions options) : IDisposable
{
    private long _acknowledged;
    private long _reported;
    private long _sent;

    /// <summary>What it is the state of.</summary>
    public SnapshotMark Mark { get; } = mark;

    /// <summary>Bytes of the whole file.</summary>
    public long Length { get; } = file.Length;

    /// <summary>The tick of the last acknowledgement that moved it on.</summary>
    public long LastProgress { get; set; }

    /// <summary>The next piece that may leave, or null.</summary>
    public (long Offset, ReadOnlyMemory<byte> Bytes)? NextChunk()
    {
        if (_sent >= Length || _sent - _acknowledged >= (long)options.SnapshotChunkBytes * options.SnapshotChunksInFlight)
            return null;
        var bytes = new byte[Math.Min(options.SnapshotChunkBytes, Length - _sent)];
        var read = file.Read(_sent, bytes);
        var chunk = (_sent, (ReadOnlyMemory<byte>)bytes.AsMemory(0, read));
        _sent += read;
        return chunk;
    }

    /// <summary>
    /// The receiver has everything before <paramref name="offset"/>; true when that is news. An offset further back comes from a receiver that began anew,
    /// or is an old answer that was overtaken. Only silence tells the two apart: were the window sent again for each, every one of its chunks would
    /// bring another such answer, and the two would keep each other busy with nothing else.
    /// </summary>
    public bool Acknowledge(long offset)
    {
        if (offset < 0 || offset > Length)
            return false;
        _reported = offset;
        if (offset <= _acknowledged)
            return false;
        _acknowledged = offset;

        // More than was sent since the last rewind: it had got what was thought to be lost.
        _sent = Math.Max(_sent, offset);
        return true;
    }

    /// <summary>Nothing new for a while: what the receiver did not have when it last answered is sent again.</summary>
    public void Rewind() => _sent = _acknowledged = _reported;

    /// <inheritdoc/>
    public void Dispose() => file.Dispose();
}

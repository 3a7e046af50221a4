using Conclave.Consensus.Raft;

namespace Conclave.Store.Snapshots;

/// <summary>A snapshot on its way from the leader, in a temporary file. Starts anew when this member restarts.</summary>
internal sealed class IncomingSnapshot : IDisposable
{
    private const string Path = SnapshotFiles.Directory + "/received.tmp";
    private readonly SnapshotFiles _files;
    private readonly IDiskFile _file;

    internal IncomingSnapshot(SnapshotFiles files, IDisk disk, SnapshotMark mark, long length)
    {
        _files = files;
        Mark = mark;
        Length = length;
        _file = disk.Create(Path);
    }

    /// <summary>What it is the state of.</summary>
    public SnapshotMark Mark { get; }

    /// <summary>Bytes of the whole file.</summary>
    public long Length { get; }

    /// <summary>Bytes here, without a gap.</summary>
    public long Received { get; private set; }

    /// <summary>All here, verified and durable.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>Adds the next piece.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        _file.Write(Received, bytes);
        Received += bytes.Length;
    }

    /// <summary>Makes it durable and verifies it; false when these are not the bytes that were meant.</summary>
    public bool Finish()
    {
        _file.Flush();
        try
        {
            IsWhole = _files.Read(Path).Mark.Last == Mark.Last;
        }
        catch (DamagedFileException)
        {
            IsWhole = false;
        }
        catch (ForeignDirectoryException)
        {
            IsWhole = false;
        }

        return IsWhole;
    }

    /// <summary>Makes it this member's newest snapshot.</summary>
    public void Publish() => _files.Publish(Path, Mark.Last);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}

namespace Conclave.Store;

/// <summary>
/// The disk refused an operation. Ends the replica: it is never retried, because a second flush after a failed one reports success and
/// lies (DESIGN 5.3). <see cref="Path"/> names the file.
/// </summary>
public class DiskFailedException : Exception
{
    /// <summary>The operation that failed, on which file, and why.</summary>
    public DiskFailedException(string operation, string path, string reason, int errorNumber = 0, Exception? inner = null)
        : base($"{operation} {path}: {reason}", inner)
    {
        Operation = operation;
        Path = path;
        ErrorNumber = errorNumber;
    }

    /// <summary>The operation, by the name of its system call.</summary>
    public string Operation { get; }

    /// <summary>The file or directory.</summary>
    public string Path { get; }

    /// <summary>The operating system's errno; 0 when there is none.</summary>
    public int ErrorNumber { get; }
}

/// <summary>
/// What the disk holds cannot be trusted: bytes that were once durable have changed or are missing. Never repaired by skipping; the
/// remedy is to empty the data directory and let the member catch up from the others. That breaks what it promised them, so all of them must be healthy, and they
/// must be told: the member does not take part until they are (docs/protocols/raft.md, "A lost disk").
/// </summary>
public sealed class DamagedFileException(string file, long offset, string what)
    : Exception($"{file}: damaged at offset {offset}: {what}. Nothing was changed. If all other members are up and have caught up, empty this member's data directory and start it; it will say how it is let in again.")
{
    /// <summary>The damaged file, relative to the data directory.</summary>
    public string File { get; } = file;

    /// <summary>Where the damage begins, in bytes.</summary>
    public long Offset { get; } = offset;
}

/// <summary>The data directory belongs to another member or cluster, or was written by a newer version. Nothing was changed.</summary>
public sealed class ForeignDirectoryException(string file, string what) : Exception($"{file}: {what}")
{
    /// <summary>The file that says so, relative to the data directory.</summary>
    public string File { get; } = file;
}

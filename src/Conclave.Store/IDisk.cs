namespace Conclave.Store;

/// <summary>
/// One member's data directory. Paths are relative to it and use '/'. Nothing is durable until a flush says so: bytes after
/// <see cref="IDiskFile.Flush"/>, names (create, rename, delete) after <see cref="SyncDirectory"/>. An implementation reports every
/// failure as <see cref="DiskFailedException"/>, and its user never retries: after a failed flush the page cache may show what the
/// disk never got. Not thread-safe; one replica owns it.
/// </summary>
public interface IDisk
{
    /// <summary>Makes the directory unless it is there.</summary>
    void CreateDirectory(string path);

    /// <summary>File names (no paths, no directories) in the directory, in ordinal order.</summary>
    IReadOnlyList<string> List(string directory);

    /// <summary>An empty file open for reading and writing; what was under that name is gone.</summary>
    IDiskFile Create(string path);

    /// <summary>An existing file, open for reading and writing.</summary>
    IDiskFile Open(string path);

    /// <summary>Gives the file another name, in one step; a file that had that name is gone.</summary>
    void Rename(string from, string to);

    /// <summary>Removes the name.</summary>
    void Delete(string path);

    /// <summary>Makes the names in the directory durable.</summary>
    void SyncDirectory(string path);
}

/// <summary>An open file of an <see cref="IDisk"/>.</summary>
public interface IDiskFile : IDisposable
{
    /// <summary>Bytes in it.</summary>
    long Length { get; }

    /// <summary>Writes all of <paramref name="bytes"/>, growing the file when needed. Durable only after <see cref="Flush"/>.</summary>
    void Write(long offset, ReadOnlySpan<byte> bytes);

    /// <summary>Reads until <paramref name="buffer"/> is full or the file ends; returns how many bytes.</summary>
    int Read(long offset, Span<byte> buffer);

    /// <summary>
    /// Makes the file at least <paramref name="length"/> bytes long, the new ones zero and their place on the disk reserved, so that flushes of what is written there need not
    /// wait for the file system to note a new length. False: this disk cannot, or has no room for all of it; the file may have grown by a part.
    /// </summary>
    bool Allocate(long length);

    /// <summary>Cuts the file.</summary>
    void Truncate(long length);

    /// <summary>Returns once every byte written is on the disk.</summary>
    void Flush();
}

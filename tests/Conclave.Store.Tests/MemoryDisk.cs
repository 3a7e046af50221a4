namespace Conclave.Store.Tests;

/// <summary>A disk in memory that knows what a power cut would leave: bytes flushed, under names synced.</summary>
internal sealed class MemoryDisk : IDisk
{
    private readonly Dictionary<string, Content> _files = [];
    private readonly Dictionary<string, Content> _durableNames = [];

    public int Flushes { get; private set; }

    public bool FlushFails { get; set; }

    /// <summary>Files can be allocated ahead.</summary>
    public bool Allocates { get; init; }

    public IEnumerable<string> Paths => _files.Keys.Order(StringComparer.Ordinal);

    /// <summary>The disk as it is found after a power cut.</summary>
    public MemoryDisk Cut()
    {
        var after = new MemoryDisk();
        foreach (var (path, content) in _durableNames)
            after.Put(path, content.Flushed);
        return after;
    }

    /// <summary>The disk as the next process finds it after a mere kill.</summary>
    public MemoryDisk Copy()
    {
        var copy = new MemoryDisk();
        foreach (var (path, content) in _files)
            copy.Put(path, content.Bytes);
        return copy;
    }

    public byte[] Bytes(string path) => [.. _files[path].Bytes];

    public void Put(string path, byte[] bytes)
    {
        var content = new Content { Bytes = [.. bytes], Flushed = [.. bytes] };
        _files[path] = content;
        _durableNames[path] = content;
    }

    public void CreateDirectory(string path)
    {
    }

    public IReadOnlyList<string> List(string directory) =>
        [.. _files.Keys.Where(p => p.StartsWith(directory + "/", StringComparison.Ordinal)).Select(p => p[(directory.Length + 1)..]).Order(StringComparer.Ordinal)];

    public IDiskFile Create(string path)
    {
        _files[path] = new Content();
        return new Handle(this, path, _files[path]);
    }

    public IDiskFile Open(string path) => _files.TryGetValue(path, out var content)
        ? new Handle(this, path, content)
        : throw new DiskFailedException("open", path, "No such file or directory", 2);

    public void Rename(string from, string to)
    {
        _files[to] = _files[from];
        _files.Remove(from);
    }

    public void Delete(string path) => Assert.True(_files.Remove(path));

    public void SyncDirectory(string path)
    {
        foreach (var name in _durableNames.Keys.Where(p => p.StartsWith(path + "/", StringComparison.Ordinal)).ToArray())
            _durableNames.Remove(name);
        foreach (var (name, content) in _files.Where(f => f.Key.StartsWith(path + "/", StringComparison.Ordinal)))
            _durableNames[name] = content;
    }

    private sealed class Content
    {
        public byte[] Bytes { get; set; } = [];

        public byte[] Flushed { get; set; } = [];
    }

    private sealed class Handle(MemoryDisk disk, string path, Content content) : IDiskFile
    {
        public long Length => content.Bytes.Length;

        public void Write(long offset, ReadOnlySpan<byte> bytes)
        {
            var all = content.Bytes;
            if (offset + bytes.Length > all.Length)
                Array.Resize(ref all, (int)offset + bytes.Length);
            bytes.CopyTo(all.AsSpan((int)offset));
            content.Bytes = all;
        }

        public int Read(long offset, Span<byte> buffer)
        {
            var count = (int)Math.Max(0, Math.Min(buffer.Length, content.Bytes.Length - offset));
            content.Bytes.AsSpan((int)offset, count).CopyTo(buffer);
            return count;
        }

        public bool Allocate(long length)
        {
            if (disk.Allocates && length > content.Bytes.Length)
                content.Bytes = [.. content.Bytes, .. new byte[length - content.Bytes.Length]];
            return disk.Allocates;
        }

        public void Truncate(long length) => content.Bytes = content.Bytes[..(int)length];

        public void Flush()
        {
            disk.Flushes++;
            if (disk.FlushFails)
                throw new DiskFailedException("fdatasync", path, "Input/output error", 5);
            content.Flushed = [.. content.Bytes];
        }

        public void Dispose()
        {
        }
    }
}

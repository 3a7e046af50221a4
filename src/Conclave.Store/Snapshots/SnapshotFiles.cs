using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store.Wal;

namespace Conclave.Store.Snapshots;

/// <summary>
/// The snapshots in <c>snapshots/</c>: <c>magic (8) | version (4) | cluster (8) | mark | body | CRC-32C (4) of all before</c>. A file gets its
/// name only when it is durable, so what has a name and fails its checksum is damage, not an interrupted write. The same bytes travel to
/// other members, whose own directories they then are part of; so the member's id is not in them.
/// </summary>
internal sealed class SnapshotFiles
{
    public const string Directory = "snapshots";
    private const uint FormatVersion = 1;
    internal const int CrcBytes = 4;

    private readonly IDisk _disk;
    private readonly ClusterId _cluster;
    private readonly int _kept;
    private readonly List<EntryId> _ids = [];
    private readonly List<EntryId> _damaged = [];

    private SnapshotFiles(IDisk disk, ClusterId cluster, int kept)
    {
        _disk = disk;
        _cluster = cluster;
        _kept = kept;
    }

    private static ReadOnlySpan<byte> Magic => "CONCLSNP"u8;

    /// <summary>In ascending order; never two of one index.</summary>
    public IReadOnlyList<EntryId> Ids => _ids;

    /// <summary>Bytes of the newest file; 0 when there is none.</summary>
    public long NewestBytes { get; private set; }

    /// <summary>Finds what is there; leftovers of interrupted writes go.</summary>
    public static SnapshotFiles Open(IDisk disk, ClusterId cluster, int kept)
    {
        disk.CreateDirectory(Directory);
        var files = new SnapshotFiles(disk, cluster, kept);
        foreach (var name in disk.List(Directory))
        {
            if (name.EndsWith(".tmp", StringComparison.Ordinal))
                disk.Delete($"{Directory}/{name}");
            else if (TryParse(name, out var id))
                files._ids.Add(id);
        }

        files._ids.Sort((a, b) => a.Index.CompareTo(b.Index));

        // A rename that the last life saw but did not sync must not vanish after this one has relied on it.
        disk.SyncDirectory(Directory);
        return files;
    }

    /// <summary>The newest whole snapshot; null when there are no files at all.</summary>
    /// <exception cref="DamagedFileException">There are files, and none is whole.</exception>
    /// <exception cref="ForeignDirectoryException">Another cluster's, or a newer format.</exception>
    public LoadedSnapshot? LoadNewest()
    {
        DamagedFileException? newestDamage = null;
        for (var i = _ids.Count - 1; i >= 0; i--)
        {
            try
            {
                return Load(_ids[i]);
            }
            catch (DamagedFileException damage)
            {
                newestDamage ??= damage;
                _damaged.Add(_ids[i]);
            }
        }

        return newestDamage is null ? null : throw newestDamage;
    }

    /// <summary>Forgets the files that <see cref="LoadNewest"/> passed over, once the log is known to make up for them.</summary>
    public void RemoveDamaged()
    {
        foreach (var id in _damaged)
        {
            _disk.Delete(PathOf(id));
            _ids.Remove(id);
        }

        if (_damaged.Count > 0)
            _disk.SyncDirectory(Directory);
        _damaged.Clear();
    }

    /// <summary>Reads and verifies one.</summary>
    public LoadedSnapshot Load(EntryId id)
    {
        var loaded = Read(PathOf(id));
        if (loaded.Mark.Last != id)
            throw new DamagedFileException(PathOf(id), 0, $"it holds snapshot {loaded.Mark.Last}");
        NewestBytes = loaded.FileBytes;
        return loaded;
    }

    /// <summary>Begins to write a snapshot of our own.</summary>
    public OutgoingSnapshot Take(SnapshotMark mark, IEnumerable<ReadOnlyMemory<byte>> body)
    {
        var head = new ArrayBufferWriter<byte>();
        head.Write(Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(head.GetSpan(4), FormatVersion);
        head.Advance(4);
        BinaryPrimitives.WriteUInt64LittleEndian(head.GetSpan(8), _cluster.Value);
        head.Advance(8);
        WalCodec.Write(head, mark);
        return new OutgoingSnapshot(this, _disk, mark, head.WrittenMemory, body);
    }

    /// <summary>Begins to receive one from a leader.</summary>
    public IncomingSnapshot Receive(SnapshotMark mark, long length) => new(this, _disk, mark, length);

    /// <summary>Opens one for sending it on.</summary>
    public IDiskFile OpenForSending(EntryId id) => _disk.Open(PathOf(id));

    /// <summary>Removes all but the newest ones, and spares those that are being sent.</summary>
    public void RemoveOld(Func<EntryId, bool> isBeingSent)
    {
        var removed = false;
        for (var i = _ids.Count - 1 - _kept; i >= 0; i--)
        {
            if (isBeingSent(_ids[i]))
                continue;
            _disk.Delete(PathOf(_ids[i]));
            _ids.RemoveAt(i);
            removed = true;
        }

        if (removed)
            _disk.SyncDirectory(Directory);
    }

    /// <summary>Gives a durable file its name.</summary>
    internal void Publish(string temporary, EntryId id)
    {
        _disk.Rename(temporary, PathOf(id));
        _disk.SyncDirectory(Directory);
        foreach (var other in _ids.Where(other => other.Index == id.Index && other != id).ToArray())
        {
            _disk.Delete(PathOf(other));
            _ids.Remove(other);
        }

        if (!_ids.Contains(id))
            _ids.Add(id);
        _ids.Sort((a, b) => a.Index.CompareTo(b.Index));
        using var file = _disk.Open(PathOf(id));
        NewestBytes = file.Length;
    }

    /// <summary>Reads and verifies the file at <paramref name="path"/>.</summary>
    internal LoadedSnapshot Read(string path)
    {
        using var file = _disk.Open(path);
        if (file.Length > Array.MaxLength)
            throw new DamagedFileException(path, 0, "longer than any snapshot");
        var bytes = new byte[file.Length];
        if (file.Read(0, bytes) != bytes.Length || bytes.Length < Magic.Length + 12 + CrcBytes)
            throw new DamagedFileException(path, 0, "shorter than any snapshot");
        var content = bytes.AsSpan(0, bytes.Length - CrcBytes);
        if (Crc32C.Compute(content) != BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(content.Length)) || !content.StartsWith(Magic))
            throw new DamagedFileException(path, 0, "the snapshot's checksum does not match");

        ReadOnlySpan<byte> rest = content[Magic.Length..];
        var version = BinaryPrimitives.ReadUInt32LittleEndian(rest);
        if (version > FormatVersion)
            throw new ForeignDirectoryException(path, $"written in format {version} by a newer version of Conclave; this one reads up to {FormatVersion}. Start the newer version on this directory.");
        var cluster = new ClusterId(BinaryPrimitives.ReadUInt64LittleEndian(rest[4..]));
        if (cluster != _cluster)
            throw new ForeignDirectoryException(path, $"belongs to cluster {cluster}, not to {_cluster}. Give this cluster another data directory.");
        rest = rest[12..];
        var mark = WalCodec.ReadMark(ref rest);
        return new LoadedSnapshot(mark, bytes.AsMemory(content.Length - rest.Length, rest.Length), bytes.Length);
    }

    internal static string PathOf(EntryId id) => $"{Directory}/{id.Index.Value:x16}-{id.Term.Value:x16}.snapshot";

    private static bool TryParse(string name, out EntryId id)
    {
        id = default;
        const int Digits = 16;
        if (name.Length != (2 * Digits) + 1 + ".snapshot".Length || !name.EndsWith(".snapshot", StringComparison.Ordinal) || name[Digits] != '-')
            return false;
        if (!ulong.TryParse(name.AsSpan(0, Digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var index)
            || !ulong.TryParse(name.AsSpan(Digits + 1, Digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var term))
            return false;
        id = new EntryId(new Term(term), new LogIndex(index));
        return true;
    }
}

/// <summary>A verified snapshot in memory.</summary>
internal sealed record LoadedSnapshot(SnapshotMark Mark, ReadOnlyMemory<byte> Body, long FileBytes);

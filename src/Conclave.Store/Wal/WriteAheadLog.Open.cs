using System.Globalization;
using Conclave.Consensus;
using Conclave.Consensus.Raft;

namespace Conclave.Store.Wal;

/// <summary>Reading the log back.</summary>
internal sealed partial class WriteAheadLog
{
    /// <summary>
    /// Opens the log of <paramref name="owner"/>, or begins one. A torn last record is cut, and the zeros that were allocated ahead. Then the active segment is copied, flushed and renamed: after a
    /// flush that failed in an earlier life the page cache may show bytes that the disk never got, and only a copy proves them (DESIGN 5.3).
    /// </summary>
    /// <exception cref="DamagedFileException">Something before the last record is not what was written.</exception>
    /// <exception cref="ForeignDirectoryException">Another member's or cluster's directory, or a newer format.</exception>
    /// <exception cref="DiskFailedException">The disk refused.</exception>
    public static WriteAheadLog Open(IDisk disk, DirectoryOwner owner, WalOptions options, out WalContents contents)
    {
        disk.CreateDirectory(Directory);
        var sequences = FindSegments(disk);
        if (sequences.Count == 0)
        {
            var (segment, file, length) = CreateSegment(disk, owner, 1, default, null);
            contents = new WalContents(default, null, [], 0);
            return new WriteAheadLog(disk, owner, options, [], segment, file, length, default, null);
        }

        var scan = new Scan(owner);
        var segments = new List<Segment>();
        long cut = 0;
        ReadOnlySpan<byte> valid = default;
        foreach (var sequence in sequences)
        {
            var bytes = ReadWhole(disk, Segment.PathOf(sequence));
            var isLast = sequence == sequences[^1];
            segments.Add(scan.Segment(sequence, bytes, isLast, out var validLength));
            cut = bytes.AsSpan(validLength).LastIndexOfAnyExcept((byte)0) + 1;
            valid = bytes.AsSpan(0, validLength);
        }

        var active = segments[^1];
        segments.RemoveAt(segments.Count - 1);
        var copy = CreateUnderFinalName(disk, active.Path, valid);
        contents = new WalContents(scan.HardState, scan.Mark, scan.Log, cut);
        return new WriteAheadLog(disk, owner, options, segments, active, copy, valid.Length, scan.HardState, scan.Mark);
    }

    private static List<ulong> FindSegments(IDisk disk)
    {
        var found = new List<ulong>();
        foreach (var name in disk.List(Directory))
        {
            if (name.EndsWith(".tmp", StringComparison.Ordinal))
                disk.Delete($"{Directory}/{name}");
            else if (name.EndsWith(".wal", StringComparison.Ordinal) && ulong.TryParse(name.AsSpan(0, name.Length - 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var sequence))
                found.Add(sequence);
        }

        found.Sort();
        for (var i = 1; i < found.Count; i++)
        {
            if (found[i] != found[i - 1] + 1)
                throw new DamagedFileException(Segment.PathOf(found[i - 1] + 1), 0, "the segment is missing");
        }

        return found;
    }

    private static byte[] ReadWhole(IDisk disk, string path)
    {
        using var file = disk.Open(path);
        if (file.Length > Array.MaxLength)
            throw new DamagedFileException(path, Array.MaxLength, "longer than any segment");
        var bytes = new byte[file.Length];
        var read = file.Read(0, bytes);
        return read == bytes.Length ? bytes : bytes[..read];
    }

    /// <summary>Walks the segments in order and rebuilds what they say.</summary>
    private sealed class Scan(DirectoryOwner owner)
    {
        public HardState HardState { get; private set; }

        public SnapshotMark? Mark { get; private set; }

        public List<Entry> Log { get; } = [];

        public Segment Segment(ulong sequence, byte[] bytes, bool isLast, out int validLength)
        {
            var path = WriteAheadLog.Segment.PathOf(sequence);
            var salt = Header(path, sequence, bytes, out var at);
            var last = default(LogIndex);
            var isSealed = false;
            while (at < bytes.Length)
            {
                if (!WalRecord.TryRead(bytes, at, salt, out var kind, out var payload, out _) || kind != WalRecord.Kind.Batch)
                {
                    if (isSealed && bytes.AsSpan(at).IndexOfAnyExcept((byte)0) < 0)
                        break;
                    if (!isLast)
                        throw new DamagedFileException(path, at, "the record's checksum does not match, in a segment that was complete");
                    if (WalRecord.AnyAfter(bytes, at, salt))
                        throw new DamagedFileException(path, at, "the record's checksum does not match, and whole records follow it");
                    break;
                }

                var batch = WalCodec.ReadBatch(payload);
                Replay(batch, path, at);
                isSealed = batch.IsSeal;
                if (batch.Entries.Count > 0 && batch.Entries[^1].Index > last)
                    last = batch.Entries[^1].Index;
                at += WalRecord.FrameBytes + payload.Length;
            }

            validLength = at;
            return new Segment(sequence, salt, last, at);
        }

        private uint Header(string path, ulong sequence, byte[] bytes, out int length)
        {
            if (!WalRecord.TryRead(bytes, 0, 0, out var kind, out var payload, out var salt) || kind != WalRecord.Kind.Header)
                throw new DamagedFileException(path, 0, "the segment's header is not whole");
            var header = WalCodec.ReadHeader(payload);
            if (header.Version > WalCodec.FormatVersion)
                throw new ForeignDirectoryException(path, $"written in format {header.Version} by a newer version of Conclave; this one reads up to {WalCodec.FormatVersion}. Start the newer version on this directory.");
            if (header.Owner.Cluster != owner.Cluster)
                throw new ForeignDirectoryException(path, $"belongs to cluster {header.Owner.Cluster}, not to {owner.Cluster}. Give this cluster another data directory.");
            if (header.Owner.Member != owner.Member)
                throw new ForeignDirectoryException(path, $"belongs to member {header.Owner.Member}, not to {owner.Member}. Give this member its own data directory.");
            if (header.Sequence != sequence)
                throw new DamagedFileException(path, 0, $"the file holds segment {header.Sequence:x16}");
            HardState = header.HardState;
            Mark = header.Mark;
            length = WalRecord.FrameBytes + payload.Length;
            return salt;
        }

        private void Replay(WalCodec.Batch batch, string path, long offset)
        {
            HardState = batch.HardState ?? HardState;
            Mark = batch.Mark ?? Mark;
            if (batch.ResetsLog)
                Log.Clear();
            foreach (var entry in batch.Entries)
            {
                if (Log.Count > 0 && entry.Index <= Log[^1].Index)
                    CutLogFrom(entry.Index);
                if (Log.Count > 0 && entry.Index != Log[^1].Index.Next)
                    throw new DamagedFileException(path, offset, $"entry {entry.Id} follows {Log[^1].Id}");
                Log.Add(entry);
            }
        }

        private void CutLogFrom(LogIndex index)
        {
            var first = Log[0].Index;
            var keep = index > first ? (int)(index.Value - first.Value) : 0;
            Log.RemoveRange(keep, Log.Count - keep);
        }
    }
}

using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store.Wal;

namespace Conclave.Store.Tests.Wal;

public sealed class WriteAheadLogTests
{
    private const string First = "wal/0000000000000001.wal";
    private static readonly DirectoryOwner Owner = new(new ClusterId(7), new PeerId(1));

    [Fact]
    public void What_was_appended_comes_back_after_a_power_cut()
    {
        var disk = new MemoryDisk();
        using (var wal = Open(disk, out _))
        {
            wal.Append(new HardState(new Term(3), new PeerId(2), new LogIndex(1)), Entries(3, 1, 2, 3));
            wal.Append(null, Entries(3, 4));
        }

        using var again = Open(disk.Cut(), out var contents);
        Assert.Equal(new HardState(new Term(3), new PeerId(2), new LogIndex(1)), contents.HardState);
        Assert.Equal([1UL, 2, 3, 4], Indexes(contents));
        Assert.Equal("3:4", System.Text.Encoding.ASCII.GetString(contents.Entries[3].Data.Span));
    }

    [Fact]
    public void A_turn_costs_one_flush()
    {
        var disk = new MemoryDisk();
        using var wal = Open(disk, out _);
        var before = disk.Flushes;
        wal.Append(new HardState(new Term(1), null, default), Entries(1, 1, 2, 3, 4, 5));
        Assert.Equal(before + 1, disk.Flushes);
    }

    [Fact]
    public void Entries_replace_everything_from_their_first_index()
    {
        var disk = new MemoryDisk();
        using (var wal = Open(disk, out _))
        {
            wal.Append(null, Entries(1, 1, 2, 3, 4));
            wal.Append(null, Entries(2, 3));
        }

        using var again = Open(disk, out var contents);
        Assert.Equal(["1/1", "1/2", "2/3"], contents.Entries.Select(e => e.Id.ToString()));
    }

    [Fact]
    public void A_log_cut_at_any_byte_is_a_prefix_of_its_turns()
    {
        var (bytes, ends) = ThreeTurns();
        for (var length = 0; length <= bytes.Length; length++)
        {
            var disk = new MemoryDisk();
            disk.Put(First, bytes[..length]);
            if (length < ends[0])
            {
                Assert.Throws<DamagedFileException>(() => Open(disk, out _));
                continue;
            }

            using (var wal = Open(disk, out var contents))
            {
                var whole = ends.Count(end => end <= length) - 1;
                Assert.Equal(2 * whole, contents.Entries.Count);
                Assert.InRange(contents.CutBytes, length == ends[whole] ? 0 : 1, length - ends[whole]);
                wal.Append(null, Entries(9, (ulong)(2 * whole) + 1));
            }

            // What was cut is gone for good, and what is appended afterwards is not confused by it.
            using var again = Open(disk.Cut(), out var after);
            Assert.Equal(new Term(9), after.Entries[^1].Term);
            Assert.Equal(0, after.CutBytes);
        }
    }

    [Fact]
    public void A_flipped_byte_is_refused_or_costs_the_last_turn_only()
    {
        var (bytes, ends) = ThreeTurns();
        for (var at = 0; at < bytes.Length; at++)
        {
            foreach (var flip in new byte[] { 0x01, 0x80, 0xFF })
            {
                var damaged = bytes.ToArray();
                damaged[at] ^= flip;
                var disk = new MemoryDisk();
                disk.Put(First, damaged);
                if (at >= ends[2])
                {
                    using var wal = Open(disk, out var contents);
                    Assert.Equal(4, contents.Entries.Count);
                    continue;
                }

                var refusal = Assert.Throws<DamagedFileException>(() => Open(disk, out _));
                Assert.Equal(First, refusal.File);
                Assert.Equal(ends.LastOrDefault(end => end <= at), refusal.Offset);
                Assert.Equal(damaged, disk.Bytes(First));
            }
        }
    }

    [Fact]
    public void Damage_in_a_closed_segment_is_refused_even_at_its_end()
    {
        var disk = new MemoryDisk();
        using (var wal = Open(disk, out _, segmentBytes: 200))
        {
            for (ulong i = 1; i <= 20; i++)
                wal.Append(null, Entries(1, i));
            Assert.True(wal.SegmentCount > 2);
        }

        var bytes = disk.Bytes(First);
        bytes[^1] ^= 1;
        disk.Put(First, bytes);
        Assert.Equal(First, Assert.Throws<DamagedFileException>(() => Open(disk, out _)).File);
        disk.Put(First, bytes[..^1]);
        Assert.Throws<DamagedFileException>(() => Open(disk, out _));
    }

    [Fact]
    public void A_closed_segment_that_was_sealed_and_not_yet_cut_is_whole()
    {
        var disk = new MemoryDisk();
        using (var wal = Open(disk, out _, segmentBytes: 200))
        {
            for (ulong i = 1; i <= 20; i++)
                wal.Append(null, Entries(1, i));
        }

        var bytes = disk.Bytes(First);
        disk.Put(First, [.. bytes, .. new byte[300]]);
        using (Open(disk, out var contents))
            Assert.Equal(20, contents.Entries.Count);

        // Without the seal, zeros are what is left of a record; and nothing but zeros may follow it.
        const int SealBytes = WalRecord.FrameBytes + 5;
        disk.Put(First, [.. bytes[..^SealBytes], .. new byte[300]]);
        Assert.Equal(bytes.Length - SealBytes, Assert.Throws<DamagedFileException>(() => Open(disk, out _)).Offset);
        disk.Put(First, [.. bytes, .. new byte[300], 1]);
        Assert.Equal(bytes.Length, Assert.Throws<DamagedFileException>(() => Open(disk, out _)).Offset);
    }

    [Fact]
    public void A_missing_segment_is_refused()
    {
        var disk = new MemoryDisk();
        using (var wal = Open(disk, out _, segmentBytes: 200))
        {
            for (ulong i = 1; i <= 20; i++)
                wal.Append(null, Entries(1, i));
        }

        disk.Delete("wal/0000000000000002.wal");
        Assert.Equal("wal/0000000000000002.wal", Assert.Throws<DamagedFileException>(() => Open(disk, out _)).File);
    }

    [Fact]
    public void Dropped_segments_take_neither_the_hard_state_nor_the_mark_with_them()
    {
        var disk = new MemoryDisk();
        var hard = new HardState(new Term(5), new PeerId(3), new LogIndex(2));
        var mark = new SnapshotMark(new EntryId(new Term(5), new LogIndex(15)), new Membership([new PeerId(1)]));
        using (var wal = Open(disk, out _, segmentBytes: 200))
        {
            wal.Append(hard, Entries(5, 1));
            for (ulong i = 2; i <= 16; i++)
                wal.Append(null, Entries(5, i));
            wal.NoteSnapshot(mark);
            for (ulong i = 17; i <= 30; i++)
                wal.Append(null, Entries(5, i));
            var before = wal.SegmentCount;
            wal.DropThrough(new LogIndex(15));
            Assert.InRange(wal.SegmentCount, 2, before - 1);
        }

        using var again = Open(disk.Cut(), out var contents, segmentBytes: 200);
        Assert.Equal(hard, contents.HardState);
        Assert.Equal(mark, contents.Mark);
        Assert.InRange(contents.Entries[0].Index.Value, 2UL, 16UL);
        Assert.Equal(30UL, contents.Entries[^1].Index.Value);
    }

    [Fact]
    public void A_snapshot_from_the_leader_replaces_the_log()
    {
        var disk = new MemoryDisk();
        var mark = new SnapshotMark(new EntryId(new Term(4), new LogIndex(100)), new Membership([new PeerId(1), new PeerId(2)]));
        using (var wal = Open(disk, out _))
        {
            wal.Append(new HardState(new Term(2), null, default), Entries(2, 1, 2, 3));
            wal.Reset(mark, new HardState(new Term(4), null, new LogIndex(100)), []);
            wal.Append(null, Entries(4, 101));
        }

        using var again = Open(disk.Cut(), out var contents);
        Assert.Equal(mark, contents.Mark);
        Assert.Equal([101UL], Indexes(contents));
    }

    [Fact]
    public void Another_owner_or_a_newer_format_is_refused_in_plain_words()
    {
        var disk = new MemoryDisk();
        Open(disk, out _).Dispose();
        var member = Assert.Throws<ForeignDirectoryException>(() => WriteAheadLog.Open(disk, Owner with { Member = new PeerId(2) }, new WalOptions(), out _));
        Assert.Contains("belongs to member 1, not to 2", member.Message, StringComparison.Ordinal);
        var cluster = Assert.Throws<ForeignDirectoryException>(() => WriteAheadLog.Open(disk, Owner with { Cluster = new ClusterId(8) }, new WalOptions(), out _));
        Assert.Contains("belongs to cluster 7, not to 8", cluster.Message, StringComparison.Ordinal);

        var bytes = disk.Bytes(First);
        bytes[WalRecord.FrameBytes] = 2;
        WalRecord.Seal(bytes, WalRecord.Kind.Header, WalRecord.Seed(0, 0));
        disk.Put(First, bytes);
        Assert.Contains("newer version", Assert.Throws<ForeignDirectoryException>(() => Open(disk, out _)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_whole_record_at_another_place_does_not_pass()
    {
        var (bytes, ends) = ThreeTurns();
        var secondTurn = bytes[ends[1]..ends[2]];
        var disk = new MemoryDisk();
        disk.Put(First, [.. bytes, .. secondTurn]); // as a recycled block might show
        using var wal = Open(disk, out var contents);
        Assert.Equal(6, contents.Entries.Count);
        Assert.Equal(secondTurn.Length, contents.CutBytes);
    }

    [Fact]
    public void The_active_segment_is_proved_by_a_copy_at_every_start()
    {
        var (bytes, _) = ThreeTurns();
        var disk = new MemoryDisk();
        disk.Put(First, bytes);
        disk.FlushFails = true;
        Assert.Throws<DiskFailedException>(() => Open(disk, out _));
        Assert.Equal(bytes, disk.Cut().Bytes(First));
    }

    [Fact]
    public void A_failed_flush_is_an_exception_and_nothing_else()
    {
        var disk = new MemoryDisk();
        using var wal = Open(disk, out _);
        disk.FlushFails = true;
        Assert.Equal(5, Assert.Throws<DiskFailedException>(() => wal.Append(null, Entries(1, 1))).ErrorNumber);
    }

    [Fact]
    public void A_turn_over_the_record_size_is_split_and_comes_back_whole()
    {
        var disk = new MemoryDisk();
        using (var wal = WriteAheadLog.Open(disk, Owner, new WalOptions { MaxRecordBytes = 64 }, out _))
            wal.Append(new HardState(new Term(1), null, default), Entries(1, [.. Enumerable.Range(1, 50).Select(i => (ulong)i)]));
        using var again = Open(disk.Cut(), out var contents);
        Assert.Equal(50, contents.Entries.Count);
        Assert.Equal(new Term(1), contents.HardState.Term);
    }

    private static (byte[] Bytes, int[] Ends) ThreeTurns()
    {
        var disk = new MemoryDisk();
        var ends = new List<int>();
        using var wal = Open(disk, out _);
        ends.Add(disk.Bytes(First).Length);
        for (ulong turn = 0; turn < 3; turn++)
        {
            wal.Append(new HardState(new Term(turn + 1), null, default), Entries(turn + 1, (2 * turn) + 1, (2 * turn) + 2));
            ends.Add(disk.Bytes(First).Length);
        }

        return (disk.Bytes(First), [.. ends]);
    }

    private static WriteAheadLog Open(MemoryDisk disk, out WalContents contents, long segmentBytes = 64 << 20) =>
        WriteAheadLog.Open(disk, Owner, new WalOptions { SegmentBytes = segmentBytes }, out contents);

    private static Entry[] Entries(ulong term, params ulong[] indexes) =>
        [.. indexes.Select(i => new Entry(new EntryId(new Term(term), new LogIndex(i)), EntryKind.Command, System.Text.Encoding.ASCII.GetBytes($"{term}:{i}")))];

    private static IEnumerable<ulong> Indexes(WalContents contents) => contents.Entries.Select(e => e.Index.Value);
}

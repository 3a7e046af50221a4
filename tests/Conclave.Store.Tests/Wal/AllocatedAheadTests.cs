using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store.Wal;

namespace Conclave.Store.Tests.Wal;

/// <summary>The active segment is allocated ahead: zeros follow its last record.</summary>
public sealed class AllocatedAheadTests
{
    private const string First = "wal/0000000000000001.wal";
    private const int Ahead = 512;
    private static readonly DirectoryOwner Owner = new(new ClusterId(7), new PeerId(1));
    private static readonly WalOptions Options = new() { SegmentBytes = 4_096, AllocateBytes = Ahead };

    [Fact]
    public void Most_records_do_not_change_the_length_of_the_file()
    {
        var disk = new MemoryDisk { Allocates = true };
        var lengths = new HashSet<int>();
        using var wal = Open(disk, out _);
        for (ulong i = 1; i <= 50; i++)
        {
            wal.Append(null, [Entry(1, i)]);
            lengths.Add(disk.Bytes(First).Length);
        }

        Assert.All(lengths, length => Assert.Equal(0, length % Ahead));
        Assert.True(wal.Bytes <= lengths.Max());
        Assert.True(wal.Bytes > lengths.Max() - Ahead);
    }

    [Fact]
    public void Zeros_after_the_last_record_are_the_end_and_no_torn_record()
    {
        var (bytes, _) = ThreeTurns();
        foreach (var zeros in new[] { 0, 1, WalRecord.FrameBytes - 1, WalRecord.FrameBytes, 513, 100_000 })
        {
            var disk = new MemoryDisk();
            disk.Put(First, [.. bytes, .. new byte[zeros]]);
            using var wal = Open(disk, out var contents);
            Assert.Equal((6, 0L), (contents.Entries.Count, contents.CutBytes));
            Assert.Equal(bytes.Length, wal.Bytes);
        }
    }

    [Fact]
    public void A_log_cut_at_any_byte_and_followed_by_zeros_is_a_prefix_of_its_turns()
    {
        var (bytes, ends) = ThreeTurns();
        for (var length = 0; length <= bytes.Length; length++)
        {
            var disk = new MemoryDisk { Allocates = true };
            disk.Put(First, [.. bytes[..length], .. new byte[1_000]]);
            if (bytes[..ends[0]].AsSpan(Math.Min(length, ends[0])).IndexOfAnyExcept((byte)0) >= 0) // the header itself ends with zeros
            {
                Assert.Throws<DamagedFileException>(() => Open(disk, out _));
                continue;
            }

            var whole = Math.Max(0, ends.Count(end => end <= length) - 1);
            using (var wal = Open(disk, out var contents))
            {
                Assert.Equal(2 * whole, contents.Entries.Count);
                Assert.InRange(contents.CutBytes, length <= ends[whole] ? 0 : 1, Math.Max(0, length - ends[whole]));
                wal.Append(null, [Entry(9, (ulong)(2 * whole) + 1)]);
            }

            using var again = Open(disk.Cut(), out var after);
            Assert.Equal((new Term(9), 0L), (after.Entries[^1].Term, after.CutBytes));
        }
    }

    [Fact]
    public void A_last_record_of_which_only_a_later_part_reached_the_disk_is_cut()
    {
        var (bytes, ends) = ThreeTurns();
        for (var missing = 1; missing <= bytes.Length - ends[2]; missing++)
        {
            var torn = bytes.ToArray();
            torn.AsSpan(ends[2], missing).Clear();
            var disk = new MemoryDisk();
            disk.Put(First, [.. torn, .. new byte[1_000]]);
            using var wal = Open(disk, out var contents);
            Assert.Equal(4, contents.Entries.Count);
        }
    }

    [Fact]
    public void Damage_before_the_last_record_is_refused_where_it_is()
    {
        var (bytes, ends) = ThreeTurns();
        for (var at = 0; at < ends[2]; at++)
        {
            var damaged = bytes.ToArray();
            damaged[at] ^= 0xFF;
            Refused([.. damaged, .. new byte[1_000]], ends.LastOrDefault(end => end <= at));
        }

        // A record all zero is the end only when nothing comes after it.
        for (var turn = 0; turn < 2; turn++)
        {
            var emptied = bytes.ToArray();
            emptied.AsSpan(ends[turn], ends[turn + 1] - ends[turn]).Clear();
            Refused([.. emptied, .. new byte[1_000]], ends[turn]);
        }
    }

    [Fact]
    public void Closed_segments_are_cut_to_what_they_hold()
    {
        var disk = new MemoryDisk { Allocates = true };
        using (var wal = Open(disk, out _))
        {
            for (ulong i = 1; i <= 1_000; i++)
                wal.Append(null, [Entry(1, i)]);
            Assert.True(wal.SegmentCount > 3);
            var onDisk = disk.Paths.Sum(path => (long)disk.Bytes(path).Length);
            Assert.InRange(onDisk, wal.Bytes, wal.Bytes + Ahead);
        }

        using var again = Open(disk.Cut(), out var contents);
        Assert.Equal((1_000, 0L), (contents.Entries.Count, contents.CutBytes));
    }

    private static void Refused(byte[] bytes, long offset)
    {
        var disk = new MemoryDisk();
        disk.Put(First, bytes);
        var refusal = Assert.Throws<DamagedFileException>(() => Open(disk, out _));
        Assert.Equal((First, offset), (refusal.File, refusal.Offset));
        Assert.Equal(bytes, disk.Bytes(First));
    }

    private static (byte[] Bytes, int[] Ends) ThreeTurns()
    {
        var disk = new MemoryDisk();
        var ends = new List<int>();
        using var wal = Open(disk, out _);
        ends.Add(disk.Bytes(First).Length);
        for (ulong turn = 0; turn < 3; turn++)
        {
            wal.Append(new HardState(new Term(turn + 1), null, default), [Entry(turn + 1, (2 * turn) + 1), Entry(turn + 1, (2 * turn) + 2)]);
            ends.Add(disk.Bytes(First).Length);
        }

        return (disk.Bytes(First), [.. ends]);
    }

    private static WriteAheadLog Open(MemoryDisk disk, out WalContents contents) => WriteAheadLog.Open(disk, Owner, Options, out contents);

    private static Entry Entry(ulong term, ulong index) =>
        new(new EntryId(new Term(term), new LogIndex(index)), EntryKind.Command, System.Text.Encoding.ASCII.GetBytes($"{term}:{index}"));
}

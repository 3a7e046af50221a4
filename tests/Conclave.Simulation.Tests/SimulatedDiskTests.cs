using Conclave.Simulation.World;
using Conclave.Store;

namespace Conclave.Simulation.Tests;

/// <summary>The simulated disk is as bad as a real one, and no worse.</summary>
public sealed class SimulatedDiskTests
{
    private const int Seeds = 200;

    [Fact]
    public void What_was_flushed_and_synced_survives_every_power_loss()
    {
        for (var seed = 0; seed < Seeds; seed++)
        {
            var disk = new SimulatedDisk(new Random(seed));
            var file = disk.Create("a/x");
            file.Write(0, Bytes(2_000, 1));
            file.Flush();
            disk.SyncDirectory("a");
            file.Write(2_000, Bytes(3_000, 2));
            disk.LosePower();
            Assert.Equal(Bytes(2_000, 1), Read(disk, "a/x")[..2_000]);
        }
    }

    [Fact]
    public void What_was_not_flushed_survives_whole_in_part_or_not_at_all()
    {
        var kept = new HashSet<int>();
        var torn = 0;
        for (var seed = 0; seed < Seeds; seed++)
        {
            var disk = new SimulatedDisk(new Random(seed));
            disk.Create("a/x").Dispose();
            disk.SyncDirectory("a");
            using var file = disk.Open("a/x");
            file.Write(0, Bytes(4 * SimulatedFile.SectorBytes, 7));
            disk.LosePower();
            var left = Read(disk, "a/x");
            kept.Add(Enumerable.Range(0, 4).Count(s => left.Length >= (s + 1) * SimulatedFile.SectorBytes && left.AsSpan(s * SimulatedFile.SectorBytes, SimulatedFile.SectorBytes).IndexOfAnyExcept((byte)7) < 0));
            torn += disk.TornWrites;
        }

        Assert.Superset(new HashSet<int> { 0, 1, 2, 3, 4 }, kept);
        Assert.True(torn > Seeds / 5, $"only {torn} of {Seeds} were torn");
    }

    [Fact]
    public void A_name_that_was_not_synced_may_be_gone_or_old()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var seed = 0; seed < Seeds; seed++)
        {
            var disk = new SimulatedDisk(new Random(seed));
            var file = disk.Create("a/x.tmp");
            file.Write(0, Bytes(10, 1));
            file.Flush();
            disk.Rename("a/x.tmp", "a/x");
            disk.LosePower();
            seen.Add(string.Join(' ', disk.List("a")));
        }

        Assert.Equal(new SortedSet<string>(StringComparer.Ordinal) { "", "x", "x.tmp" }, new SortedSet<string>(seen, StringComparer.Ordinal));
    }

    [Fact]
    public void After_a_failed_flush_the_next_one_says_yes_and_writes_nothing()
    {
        var lost = 0;
        for (var seed = 0; seed < Seeds; seed++)
        {
            var disk = new SimulatedDisk(new Random(seed));
            var file = disk.Create("a/x");
            disk.SyncDirectory("a");
            file.Write(0, Bytes(100, 1));
            disk.FailFlushAt(1);
            Assert.Throws<DiskFailedException>(file.Flush);
            Assert.Equal(Bytes(100, 1), Read(disk, "a/x"));
            file.Flush();
            disk.LosePower();
            lost += Read(disk, "a/x").AsSpan().SequenceEqual(Bytes(100, 1)) ? 0 : 1;
        }

        Assert.InRange(lost, Seeds / 4, Seeds - (Seeds / 4));
    }

    [Fact]
    public void Power_lost_in_the_middle_of_a_flush_tears_what_it_was_writing()
    {
        var torn = 0;
        for (var seed = 0; seed < Seeds; seed++)
        {
            var disk = new SimulatedDisk(new Random(seed));
            var file = disk.Create("a/x");
            disk.SyncDirectory("a");
            disk.LosePowerInFlush();
            file.Write(0, Bytes(SimulatedFile.SectorBytes, 7));
            file.Flush(); // one sector is written or not: there is no middle
            file.Write(SimulatedFile.SectorBytes, Bytes(2 * SimulatedFile.SectorBytes, 8));
            Assert.Throws<PowerLostException>(file.Flush);
            disk.LosePower();
            torn += disk.TornWrites;
        }

        Assert.True(torn > Seeds / 5, $"only {torn} of {Seeds} were torn");
    }

    [Fact]
    public void A_killed_process_loses_nothing_that_it_wrote()
    {
        var disk = new SimulatedDisk(new Random(1));
        disk.Create("a/x").Write(0, Bytes(1_000, 3));
        disk.ProcessEnded();
        Assert.Equal(Bytes(1_000, 3), Read(disk, "a/x"));
    }

    private static byte[] Bytes(int count, byte value)
    {
        var bytes = new byte[count];
        Array.Fill(bytes, value);
        return bytes;
    }

    private static byte[] Read(SimulatedDisk disk, string path)
    {
        using var file = disk.Open(path);
        var bytes = new byte[file.Length];
        file.Read(0, bytes);
        return bytes;
    }
}

using Conclave.Runtime.Disk;
using Conclave.Store;

namespace Conclave.Runtime.Tests.Disk;

public sealed class FileDiskTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("cvdisk").FullName;

    [Fact]
    public void Bytes_and_names_come_back()
    {
        using var disk = FileDisk.Acquire(_root);
        disk.CreateDirectory("wal");
        using (var file = disk.Create("wal/a.tmp"))
        {
            file.Write(0, "hello world"u8);
            file.Write(6, "there"u8);
            file.Truncate(11);
            file.Flush();
            Assert.Equal(11, file.Length);
        }

        disk.Rename("wal/a.tmp", "wal/a");
        disk.SyncDirectory("wal");
        Assert.Equal(["a"], disk.List("wal"));
        using (var file = disk.Open("wal/a"))
        {
            var buffer = new byte[20];
            Assert.Equal(5, file.Read(6, buffer));
            Assert.Equal("there"u8.ToArray(), buffer[..5]);
        }

        disk.Delete("wal/a");
        Assert.Empty(disk.List("wal"));
    }

    [Fact]
    public void A_failure_names_the_call_the_file_and_the_reason()
    {
        using var disk = FileDisk.Acquire(_root);
        var failure = Assert.Throws<DiskFailedException>(() => disk.Open("missing"));
        Assert.Equal(2, failure.ErrorNumber);
        Assert.Equal($"open {_root}/missing: No such file or directory (errno 2)", failure.Message);
    }

    [Fact]
    public void A_full_device_is_reported()
    {
        if (!File.Exists("/dev/full"))
            return;
        using var disk = FileDisk.Acquire(_root);
        File.CreateSymbolicLink(Path.Combine(_root, "full"), "/dev/full");
        using var file = disk.Open("full");
        var failure = Assert.Throws<DiskFailedException>(() => file.Write(0, new byte[10]));
        Assert.Equal(28, failure.ErrorNumber);
    }

    [Fact]
    public void The_directory_is_held_until_it_is_given_back()
    {
        using (FileDisk.Acquire(_root))
            Assert.Throws<DirectoryInUseException>(() => FileDisk.Acquire(_root));
        FileDisk.Acquire(_root).Dispose();
    }

    [Fact]
    public void A_child_that_has_not_come_to_its_exec_does_not_keep_the_directory()
    {
        var disk = FileDisk.Acquire(_root);
        using var inherited = Descriptors.InheritedOf(Path.Combine(_root, "lock"));
        Assert.Throws<DirectoryInUseException>(() => FileDisk.Acquire(_root));
        disk.Dispose();
        disk.Dispose();
        FileDisk.Acquire(_root).Dispose();
    }

    [Fact]
    public void Allocated_bytes_are_zero_and_have_their_place()
    {
        using var disk = FileDisk.Acquire(_root);
        using var file = disk.Create("a");
        file.Write(0, "begun"u8);
        if (!file.Allocate(1 << 20))
            return; // a file system that cannot
        Assert.Equal(1 << 20, file.Length);
        var bytes = new byte[1 << 20];
        Assert.Equal(bytes.Length, file.Read(0, bytes));
        Assert.True(bytes.AsSpan().StartsWith("begun"u8));
        Assert.Equal(-1, bytes.AsSpan(5).IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void More_than_the_disk_has_is_not_allocated_and_nothing_breaks()
    {
        using var disk = FileDisk.Acquire(_root);
        using var file = disk.Create("a");
        Assert.False(file.Allocate(1L << 60));
        file.Truncate(0);
        file.Write(0, "on"u8);
        file.Flush();
        Assert.Equal(2, file.Length);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}

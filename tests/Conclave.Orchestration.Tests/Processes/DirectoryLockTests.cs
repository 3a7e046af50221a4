using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;
using Conclave.Runtime.Tests;

namespace Conclave.Orchestration.Tests.Processes;

public sealed class DirectoryLockTests : ProcessFixtures
{
    [Fact]
    public void Second_holder_is_refused_and_told_who_has_it()
    {
        using (var first = DirectoryLock.TryAcquire(Folder))
        {
            Assert.NotNull(first);
            Assert.Null(DirectoryLock.TryAcquire(Folder));
            Assert.Equal(ProcessIdentity.Own, DirectoryLock.ReadHolder(Folder));
        }

        Assert.Null(DirectoryLock.ReadHolder(Folder));
        using var second = DirectoryLock.TryAcquire(Folder);
        Assert.NotNull(second);
    }

    [Fact]
    public async Task Children_do_not_keep_the_lock()
    {
        var first = DirectoryLock.TryAcquire(Folder)!;
        var child = Start(Shell("sleep 100"));
        first.Dispose();
        using var second = DirectoryLock.TryAcquire(Folder);
        Assert.NotNull(second);
        await child.KillAsync(default);
    }

    [Fact]
    public void Child_that_has_not_come_to_its_exec_does_not_keep_the_lock()
    {
        var first = DirectoryLock.TryAcquire(Folder)!;
        using var inherited = Descriptors.InheritedOf(Path.Combine(Folder, DirectoryLock.FileName));
        Assert.Null(DirectoryLock.TryAcquire(Folder));
        first.Dispose();
        first.Dispose();
        using var second = DirectoryLock.TryAcquire(Folder);
        Assert.NotNull(second);
    }

    [Fact]
    public async Task Dead_holder_has_lost_it_and_a_stopped_one_has_not()
    {
        var path = Path.Combine(Folder, DirectoryLock.FileName);
        var holder = Start(Python($"import fcntl,time\nf=open('{path}','w')\nfcntl.flock(f,fcntl.LOCK_EX)\nprint('held',flush=True)\ntime.sleep(100)"));
        await Until(() => File.ReadAllText(LogFile).Length > 0, "the other process has the lock");
        holder.Signal(Signal.Stop);
        await Until(() => holder.IsStopped, "it is stopped");
        Assert.Null(DirectoryLock.TryAcquire(Folder));

        await holder.KillAsync(default);
        using var ours = DirectoryLock.TryAcquire(Folder);
        Assert.NotNull(ours);
    }

    [Fact]
    public void Name_left_by_a_dead_holder_is_no_holder()
    {
        File.WriteAllText(Path.Combine(Folder, DirectoryLock.FileName), "{\"pid\":1,\"start_time\":-5,\"boot_id\":\"x\"}");
        Assert.Null(DirectoryLock.ReadHolder(Folder));
        File.WriteAllText(Path.Combine(Folder, DirectoryLock.FileName), "gibberish");
        Assert.Null(DirectoryLock.ReadHolder(Folder));
        Assert.Null(DirectoryLock.ReadHolder(Folder + "/none"));
    }

    [Fact]
    public void Absent_directory_is_one_clear_line() =>
        Assert.Contains("/none/", Assert.Throws<ConclaveException>(() => DirectoryLock.TryAcquire(Folder + "/none")).Message, StringComparison.Ordinal);
}

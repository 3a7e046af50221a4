using System.Globalization;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Tests.Processes;

/// <summary>What the kernel tells by the end of a thread before the process has ended, and what it does not tell.</summary>
public sealed class EndingTests : ProcessFixtures
{
    private const string Threads = """
        import ctypes, os, platform, threading, time
        def until_told():
            while not os.path.exists('go'): time.sleep(0.005)
        threading.Thread(target=until_told).start()
        for _ in range(2): threading.Thread(target=lambda: time.sleep(1000)).start()
        print(os.getpid(), flush=True)

        """;

    private static readonly bool HasThreadPidfds = Environment.OSVersion.Version >= new Version(6, 9);

    [Fact]
    public async Task A_killed_process_is_ending_before_it_has_ended()
    {
        var told = false;

        // What the process gives back first takes the kernel long; only a test that stood still for as long would see both at once.
        for (var attempt = 0; attempt < 3 && !told; attempt++)
        {
            File.Delete(LogFile);
            var process = Start(Python("memory = b'x' * (1 << 30)\n" + Threads + "time.sleep(1000)"));
            await PidFromLog();
            process.WatchEnding();
            process.Signal(Signal.Kill);
            Assert.Equal(new ProcessExit.Signal(9), await EndOf(process));
            told = process.Ending.IsCompleted;
        }

        Assert.Equal(HasThreadPidfds, told);
    }

    /// <summary>Also where the first thread, which is what most look at, has ended and the others go on.</summary>
    [Theory]
    [InlineData("time.sleep(1000)")]
    [InlineData("ctypes.CDLL(None).syscall(60 if platform.machine() == 'x86_64' else 93, 0)")]
    public async Task The_end_of_a_thread_is_not_that_of_its_process(string first)
    {
        var process = Start(Python(Threads + first));
        await PidFromLog();
        var threads = Directory.GetDirectories($"/proc/{process.Pid}/task").Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture)).Order().ToList();
        Assert.Equal(4, threads.Count);
        process.WatchEnding();
        Assert.Equal(HasThreadPidfds, IsHeld(threads[1]) && IsHeld(threads[2]));
        if (!HasThreadPidfds)
            return;
        await File.WriteAllTextAsync(Path.Combine(Folder, "go"), "");
        await Until(() => IsHeld(threads[3]), "another thread is watched");
        Assert.False(process.Ending.IsCompleted);
        Assert.False(IsHeld(threads[1]));

        process.Signal(Signal.Kill);
        await EndOf(process);
        Assert.False(IsHeld(threads[2]) || IsHeld(threads[3]));
    }

    /// <summary>Whether this process has a pidfd of the thread, which nothing but the watch opens.</summary>
    private static bool IsHeld(int thread) => Directory.EnumerateFiles("/proc/self/fdinfo").Any(file =>
    {
        try
        {
            return File.ReadLines(file).Contains($"Pid:\t{thread}");
        }
        catch (IOException)
        {
            return false; // closed meanwhile
        }
    });
}

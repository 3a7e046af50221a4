using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;
using Xunit.Abstractions;

namespace Conclave.Orchestration.Tests.Processes;

[Collection(Unhurried.Name)]
public sealed class LogTests(ITestOutputHelper output) : ProcessFixtures
{
    private static readonly LogReader Reader = new(TimeProvider.System);

    [Fact]
    public async Task Tail_gives_the_last_lines()
    {
        await File.WriteAllTextAsync(LogFile, "one\ntwo\r\nthree\n");
        Assert.Equal(["two", "three"], await Reader.TailAsync(LogFile, 2, default));
        Assert.Equal(["one", "two", "three"], await Reader.TailAsync(LogFile, 10, default));
        Assert.Empty(await Reader.TailAsync(LogFile, 0, default));
        await File.AppendAllTextAsync(LogFile, "unfinished");
        Assert.Equal(["three", "unfinished"], await Reader.TailAsync(LogFile, 2, default));
        Assert.Empty(await Reader.TailAsync(LogFile + ".none", 2, default));
    }

    [Fact]
    public async Task Tail_reads_over_many_chunks()
    {
        await File.WriteAllLinesAsync(LogFile, Enumerable.Range(0, 50_000).Select(i => $"line {i}"));
        var lines = await Reader.TailAsync(LogFile, 40_000, default);
        Assert.Equal(Enumerable.Range(10_000, 40_000).Select(i => $"line {i}"), lines);
    }

    [Fact]
    public async Task Endless_line_is_handed_out_in_pieces()
    {
        await File.WriteAllTextAsync(LogFile, new string('x', 250) + "\nend\n");
        var lines = await new LogReader(TimeProvider.System) { MaxLineBytes = 100 }.TailAsync(LogFile, 4, default);
        Assert.Equal([100, 100, 50, 3], lines.Select(line => line.Length));
    }

    [Fact]
    public async Task Follower_waits_for_the_file_and_reads_a_new_one_from_its_start()
    {
        using var ending = new CancellationTokenSource(Deadline);
        var followed = Reader.FollowAsync(LogFile, 0, ending.Token).GetAsyncEnumerator();
        var next = followed.MoveNextAsync().AsTask();
        await Task.Yield();
        await File.WriteAllTextAsync(LogFile + ".new", "a\nb\n");
        File.Move(LogFile + ".new", LogFile);
        // Whatever was there when it appeared counts as new only after the first look; so ask for what comes now.
        await File.AppendAllTextAsync(LogFile, "c\n");
        Assert.True(await next);
        while (followed.Current != "c")
            Assert.True(await followed.MoveNextAsync());

        await File.WriteAllTextAsync(LogFile + ".new", "fresh\n");
        File.Move(LogFile + ".new", LogFile, overwrite: true);
        Assert.True(await followed.MoveNextAsync());
        Assert.Equal("fresh", followed.Current);
        await ending.CancelAsync();
        Assert.False(await followed.MoveNextAsync());
    }

    [Theory]
    [InlineData(1000, 1000, 0)]
    [InlineData(1001, 1000, 250)]
    [InlineData(5000, 1000, 4250)]
    [InlineData(1100, 0, 1000)]
    public void Cut_is_whole_blocks_down_to_three_quarters_and_never_all(long length, long max, long expected) =>
        Assert.Equal(expected, LogTrimmer.BytesToCut(length, max, block: max == 0 ? 100 : 50));

    [Fact]
    public void Small_or_absent_file_is_left_alone()
    {
        var trimmer = new LogTrimmer(TimeProvider.System) { MaxBytes = 1000 };
        Assert.IsType<TrimResult.NotNeeded>(trimmer.Trim(LogFile));
        File.WriteAllText(LogFile, "short");
        Assert.IsType<TrimResult.NotNeeded>(trimmer.Trim(LogFile));
    }

    [Fact]
    public async Task What_cannot_be_trimmed_is_told_once_tried_again_and_holds_nothing_else_up()
    {
        var bad = Path.Combine(Folder, "bad.log");
        Directory.CreateDirectory(bad); // root may write anything, so a lack of permission would not be noticed here
        var told = new ConcurrentQueue<(string File, TrimResult Result)>();
        using var ending = new CancellationTokenSource();
        var rounds = 0;
        var trimming = new LogTrimmer(TimeProvider.System) { MaxBytes = 1024 * 1024, Interval = TimeSpan.FromMilliseconds(2) }.RunAsync(
            () => Interlocked.Increment(ref rounds) > 0 ? [bad, LogFile] : [], (file, result) => told.Enqueue((file, result)), ending.Token);
        try
        {
            await RoundsAsync(5);
            Assert.Equal([bad], told.Select(t => t.File));
            Assert.Contains(bad, Assert.IsType<TrimResult.Failed>(told.Single().Result).Why, StringComparison.Ordinal);

            await File.WriteAllBytesAsync(LogFile, new byte[2 * 1024 * 1024]);
            await Until(() => told.Any(t => t.File == LogFile), "the other file is trimmed");
            Directory.Delete(bad);
            await File.WriteAllBytesAsync(bad, new byte[2 * 1024 * 1024]);
            await Until(() => told.Count(t => t.File == bad && t.Result is not TrimResult.Failed) == 1, "it is trimmed once it can be");
            File.Delete(bad);
            Directory.CreateDirectory(bad);
            await Until(() => told.Count(t => t.Result is TrimResult.Failed) == 2, "it is told again after it had gone well");
            await RoundsAsync(5);
            Assert.Equal(2, told.Count(t => t.Result is TrimResult.Failed));
            Assert.False(trimming.IsCompleted);
        }
        finally
        {
            await ending.CancelAsync();
            await trimming;
        }

        Task RoundsAsync(int more)
        {
            var goal = Volatile.Read(ref rounds) + more;
            return Until(() => trimming.IsCompleted || Volatile.Read(ref rounds) >= goal, $"{more} rounds have passed");
        }
    }

    [Fact]
    public void Reader_with_the_lock_delays_a_trim_but_not_for_ever()
    {
        File.WriteAllBytes(LogFile, new byte[4 * 1024 * 1024]);
        using var reader = File.OpenHandle(LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        Assert.True(LogCut.TryLock((int)reader.DangerousGetHandle(), exclusive: false));
        var trimmer = new LogTrimmer(TimeProvider.System) { MaxBytes = 1024 * 1024 };
        Assert.IsType<TrimResult.Busy>(trimmer.Trim(LogFile));
        var rounds = 1;
        while (trimmer.Trim(LogFile) is TrimResult.Busy)
            Assert.InRange(++rounds, 1, 20);
        Assert.InRange(new FileInfo(LogFile).Length, 1, 1024 * 1024);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("/dev/shm")]
    public async Task Follower_keeps_its_place_over_a_trim(string? otherFileSystem)
    {
        // tmpfs cannot take blocks off the front, so there the copy is tried too.
        if (otherFileSystem is not null && !Directory.Exists(otherFileSystem))
            return;
        var file = otherFileSystem is null ? LogFile : Path.Combine(otherFileSystem, Path.GetFileName(Folder) + ".log");
        try
        {
            var trimmer = new LogTrimmer(TimeProvider.System) { MaxBytes = 256 * 1024 };
            using var ending = new CancellationTokenSource(Deadline);
            await File.WriteAllTextAsync(file, "first\n");
            await using var followed = Reader.FollowAsync(file, 1, ending.Token).GetAsyncEnumerator();
            Assert.True(await followed.MoveNextAsync());
            Assert.Equal("first", followed.Current);

            for (var round = 0; round < 3; round++)
            {
                var lines = Enumerable.Range(0, 8_000).Select(i => $"round {round} line {i:00000000000000000000000000000}").ToList();
                await File.AppendAllLinesAsync(file, lines);
                foreach (var line in lines)
                {
                    Assert.True(await followed.MoveNextAsync());
                    Assert.Equal(line, followed.Current);
                }

                var result = trimmer.Trim(file);
                output.WriteLine($"{file}: {result}");
                Assert.True(result is TrimResult.Collapsed or TrimResult.CopiedAndTruncated);
                Assert.InRange(new FileInfo(file).Length, 1, 256 * 1024);
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task Trimming_under_load_loses_no_line_of_what_remains_and_none_for_a_follower()
    {
        // 10,000 lines a second for four seconds, one write each, trimmed to 1 MiB every 20 ms. A follower that falls a whole file behind does lose lines, as it must; so that a busy
        // machine is not taken for a fault, the writer waits when the follower is half a file behind.
        const int Lines = 40_000;
        var progress = Path.Combine(Folder, "followed");
        await File.WriteAllTextAsync(progress, "0");
        const int Max = 1024 * 1024;
        var process = Start(Python($$"""
            import os, time
            due = time.monotonic()
            for i in range({{Lines}}):
                os.write(1, b'line %08d ' % i + b'x' * 80 + b'\n')
                if i % 100 == 99:
                    while i - int(open('{{progress}}').read() or 0) > 5000:
                        time.sleep(0.001)
                    due = max(due + 0.01, time.monotonic())
                    time.sleep(max(0, due - time.monotonic()))
            """));

        using var ending = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var follower = Task.Run(() => FollowNumbers(Lines - 1, progress, ending.Token));

        var trimmer = new LogTrimmer(TimeProvider.System) { MaxBytes = Max };
        var cuts = 0;
        long largest = 0;
        var longest = TimeSpan.Zero;
        while (!process.Exited.IsCompleted)
        {
            var started = Stopwatch.GetTimestamp();
            if (trimmer.Trim(LogFile) is TrimResult.Collapsed or TrimResult.CopiedAndTruncated)
            {
                cuts++;
                if (Stopwatch.GetElapsedTime(started) is var took && took > longest)
                    longest = took;
            }

            largest = Math.Max(largest, new FileInfo(LogFile).Length);
            await Task.WhenAny(process.Exited, Task.Delay(20));
        }

        Assert.Equal(new ProcessExit.Code(0), await process.Exited);
        var kept = (await File.ReadAllLinesAsync(LogFile)).Skip(1).Select(Number).ToList();
        output.WriteLine($"{cuts} cuts, largest {largest} bytes, kept {kept.Count} lines, longest cut {longest.TotalMilliseconds:0.0} ms");
        Assert.True(cuts > 4, $"{cuts} cuts");
        Assert.InRange(largest, 1, 4 * Max);
        Assert.Equal(Enumerable.Range(Lines - kept.Count, kept.Count), kept);
        Assert.True(kept.Count > 1000);

        var followed = await follower;
        output.WriteLine($"followed {followed.Count} lines");
        // The follower may begin after the first lines, and then it misses none.
        Assert.Equal(Enumerable.Range(followed[0], Lines - followed[0]), followed);
    }

    private async Task<List<int>> FollowNumbers(int last, string progress, CancellationToken stopping)
    {
        var numbers = new List<int>();
        await foreach (var line in Reader.FollowAsync(LogFile, 1_000_000, stopping))
        {
            numbers.Add(Number(line));
            if (numbers[^1] == last)
                break;
            if (numbers[^1] % 100 == 0)
                await File.WriteAllTextAsync(progress, numbers[^1].ToString(CultureInfo.InvariantCulture), stopping);
        }

        return numbers;
    }

    private static int Number(string line) => int.Parse(line.AsSpan(5, 8), CultureInfo.InvariantCulture);
}

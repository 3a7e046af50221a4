using System.Globalization;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>Programs that behave badly: one that ends as soon as it starts, one that logs without end.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class CrashLoopAndLogTests : IAsyncLifetime
{
    private const string Talker =
        """
        import http.server, sys, threading, time
        server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        began, written = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - began) * 10000)
            sys.stdout.write("".join("line %d\n" % n for n in range(written, due)))
            sys.stdout.flush()
            written = due
            time.sleep(0.005)

        """;

    private const string Fragile =
        """
        import http.server, os, sys
        if not os.path.exists("whole"):
            sys.exit(3)
        http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()

        """;

    private const string Services =
        """
          talker:
            command: ["python3", "-u", "talker.py", "{port}"]
            ready: { tcp: "{port}", interval: 500ms }
            stop_grace_period: 3s
          fragile:
            command: ["python3", "fragile.py", "{port}"]
            ready: { tcp: "{port}", interval: 500ms }
            stop_grace_period: 3s

        """;

    /// <summary>And half a second for the loop that notices it.</summary>
    private static readonly TimeSpan HealthyPeriod = new Orchestration.Supervision.RestartOptions().HealthyPeriod + TimeSpan.FromMilliseconds(500);

    private readonly RunningCluster _cluster = RunningCluster.Create(Services);

    public async Task InitializeAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(_cluster.Directory, "talker.py"), Talker);
        await File.WriteAllTextAsync(Path.Combine(_cluster.Directory, "fragile.py"), Fragile);
        await File.WriteAllTextAsync(Path.Combine(_cluster.Directory, "whole"), "");
        await _cluster.UpAsync();
    }

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task Instance_that_logs_without_end_survives_its_worker_and_a_crash_loop_ends_with_its_cause()
    {
        await TalkerIsAdoptedAsync("KILL");
        await TalkerIsAdoptedAsync("STOP");
        await CrashLoopAsync();
    }

    private async Task TalkerIsAdoptedAsync(string signal)
    {
        var before = await _cluster.HealthyAsync();
        var talker = before.Instance("talker/1");
        var log = Path.Combine(_cluster.DataDirectory, "logs", "talker-1.log");
        var lines = LinesOf(log).Count;

        await _cluster.DoAsync("kill", talker.Node!, "--signal", signal);

        var after = await _cluster.UntilAsync(
            "its node is another process", s => s.State == ClusterState.Healthy && s.Node(talker.Node!).Pid is { } pid && pid != before.PidOf(talker.Node!));
        Assert.Equal(before.Processes(), after.Processes());
        await Waiting.UntilAsync("it has logged 20,000 lines more", () => LinesOf(log).Count > lines + 20_000, () => $"{LinesOf(log).Count} lines, {lines} before");
        var numbers = LinesOf(log);
        var hole = Enumerable.Range(1, numbers.Count - 1).FirstOrDefault(i => numbers[i] != numbers[i - 1] + 1);
        Assert.True(hole == 0, $"after line {(hole == 0 ? 0 : numbers[hole - 1])} comes {(hole == 0 ? 0 : numbers[hole])}");
    }

    private async Task CrashLoopAsync()
    {
        var whole = Path.Combine(_cluster.Directory, "whole");
        var moment = RunningCluster.Now();
        File.Delete(whole);

        await _cluster.DoAsync("kill", "fragile/1");
        var looping = await _cluster.UntilAsync("fragile/1 is in a crash loop", s => s.Instance("fragile/1").State == RunState.CrashLoop);
        Assert.Contains("fragile/1 crash loop", looping.Summary, StringComparison.Ordinal);
        Assert.Contains("next try in", looping.Instance("fragile/1").Why, StringComparison.Ordinal);
        Assert.Equal(RunState.Ready, looping.Instance("talker/1").State);
        Assert.Equal(4, (await _cluster.RunAsync("status")).Code);
        await Waiting.UntilAsync("it was tried seven times", () => Starts(moment).Count >= 7, _cluster.Story);
        await File.WriteAllTextAsync(whole, "");

        await _cluster.HealthyAsync();
        var starts = Starts(moment);
        var delays = starts.Zip(starts.Skip(1), (a, b) => TimeSpan.FromTicks((b - a) / 100)).ToList();

        // 0, 100, 200, 400, 800, 1600 ms before each next try, up to a quarter less, and what the program itself takes.
        Assert.True(delays[3] > delays[1] && delays[5] > delays[3] && delays[5] > TimeSpan.FromSeconds(1), string.Join(", ", delays.Select(d => $"{d.TotalMilliseconds:0} ms")));
        Assert.Contains(_cluster.EventsSince(moment), e => e is { Kind: EventKind.InstanceCrashLoop, Subject: "fragile/1" });

        // A healthy period ends the row of failures: the next one is the first again and is answered at once, not after the 2.4 s and more that the row had come to.
        var ready = _cluster.EventsSince(starts[^1]).First(e => e is { Kind: EventKind.InstanceReady, Subject: "fragile/1" }).MonoNs;
        await Waiting.UntilAsync("it has been ready for the healthy period", () => RunningCluster.Now() - ready > HealthyPeriod.TotalNanoseconds, _cluster.Story);
        var later = RunningCluster.Now();
        await _cluster.DoAsync("kill", "fragile/1");
        var exited = await _cluster.UntilEventAsync("it has ended", later, e => e is { Kind: EventKind.InstanceExited, Subject: "fragile/1" });
        var started = await _cluster.UntilEventAsync("it is started again", later, e => e is { Kind: EventKind.InstanceStarted, Subject: "fragile/1" });
        var waited = TimeSpan.FromTicks((started.MonoNs - exited.MonoNs) / 100);
        Assert.True(waited < TimeSpan.FromSeconds(1), $"started again after {waited.TotalMilliseconds:0} ms");
        Assert.DoesNotContain(_cluster.EventsSince(later), e => e.Kind == EventKind.InstanceCrashLoop);
        Assert.Equal(RunState.Ready, (await _cluster.HealthyAsync()).Instance("fragile/1").State);
    }

    private List<long> Starts(long since) =>
        [.. _cluster.EventsSince(since).Where(e => e is { Kind: EventKind.InstanceStarted, Subject: "fragile/1" }).Select(e => e.MonoNs)];

    /// <summary>The numbers of the whole lines.</summary>
    private static List<int> LinesOf(string log)
    {
        var text = File.ReadAllText(log);
        return [.. text[..(text.LastIndexOf('\n') + 1)]
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(l => l.StartsWith("line ", StringComparison.Ordinal))
            .Select(l => int.Parse(l.AsSpan(5), CultureInfo.InvariantCulture))];
    }
}

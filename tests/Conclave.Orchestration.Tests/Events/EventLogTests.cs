using System.Text;
using System.Text.Json.Nodes;
using Conclave.Orchestration.Events;
using Xunit;

namespace Conclave.Orchestration.Tests.Events;

public sealed class EventLogTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly string _root = Directory.CreateTempSubdirectory("conclave-events-").FullName;
    private readonly SteppedTime _time = new();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private string Of(string node) => Path.Combine(_root, node, "events");

    private EventLog Open(string node, EventLogOptions? options = null) => new(Of(node), node, _time, options);

    private static IEnumerable<string> Ids(IEnumerable<ClusterEvent> events) => events.Select(happened => happened.Id);

    [Fact]
    public void A_line_has_the_fields_that_scripts_rely_on()
    {
        using var log = Open("node-1");
        log.Append(EventKind.InstanceExited, "web/2", 4, "killed by SIGKILL", new JsonObject { ["pid"] = 7, ["signal"] = "SIGKILL" });

        var line = JsonNode.Parse(File.ReadAllText(Directory.GetFiles(Of("node-1")).Single()))!.AsObject();

        Assert.Equal(["v", "id", "time", "mono_ns", "node", "kind", "subject", "term", "why", "data"], line.Select(member => member.Key));
        Assert.Equal("instance-exited", (string?)line["kind"]);
        Assert.Equal(7, (int?)line["data"]!["pid"]);
        Assert.True((long?)line["mono_ns"] > 0);
    }

    [Fact]
    public void Events_of_several_nodes_are_read_as_one_story()
    {
        using var one = Open("node-1");
        using var two = Open("node-2");
        one.Append(EventKind.NodeStarted, "node-1");
        _time.Step();
        two.Append(EventKind.NodeStarted, "node-2");
        _time.Step();
        two.Append(EventKind.LeaderElected, "node-2", 1);
        one.Append(EventKind.InstancePlaced, "web/1", 1);

        Assert.Equal(["node-1.1", "node-2.1", "node-1.2", "node-2.2"], Ids(EventReader.Read([Of("node-2"), Of("node-1"), Of("node-3")])));
    }

    [Fact]
    public void Numbers_go_on_after_a_restart_and_a_torn_line_is_cut()
    {
        using (var log = Open("node-1"))
        {
            log.Append(EventKind.NodeStarted, "node-1");
            log.Append(EventKind.NodeStopped, "node-1");
        }

        var path = Directory.GetFiles(Of("node-1")).Single();
        File.AppendAllText(path, "{\"v\":1,\"id\":\"node-1.3\",\"ti");
        using (var log = Open("node-1"))
            Assert.Equal("node-1.3", log.Append(EventKind.NodeStarted, "node-1").Id);

        Assert.Equal(["node-1.1", "node-1.2", "node-1.3"], Ids(EventReader.Read([Of("node-1")])));
        Assert.DoesNotContain("\"ti{", File.ReadAllText(path), StringComparison.Ordinal);
    }

    [Fact]
    public void A_damaged_line_costs_only_itself()
    {
        using (var log = Open("node-1"))
            log.Append(EventKind.NodeStarted, "node-1");
        File.AppendAllText(Directory.GetFiles(Of("node-1")).Single(), "\0\0garbage\n[1]\n");
        using (var log = Open("node-1"))
            log.Append(EventKind.NodeStarted, "node-1");

        Assert.Equal(["node-1.1", "node-1.2"], Ids(EventReader.Read([Of("node-1")])));
    }

    [Fact]
    public void The_oldest_segments_are_dropped_and_the_bound_holds()
    {
        var options = new EventLogOptions { SegmentBytes = 1_000, Segments = 3 };
        for (var start = 0; start < 3; start++)
        {
            using var log = Open("node-1", options);
            for (var i = 0; i < 50; i++)
                log.Append(EventKind.InstanceReady, "web/1", 1, new string('x', 2_000));
        }

        var files = Directory.GetFiles(Of("node-1"));
        var events = EventReader.Read([Of("node-1")]);

        Assert.InRange(files.Length, 2, 3);
        Assert.True(files.Sum(path => new FileInfo(path).Length) < 3 * (options.SegmentBytes + 1_000));
        Assert.Equal("node-1.150", events[^1].Id);
        Assert.Equal(options.WhyLength, events[^1].Why.Length);
        Assert.Equal(events.Select(happened => happened.Sequence), Enumerable.Range((int)events[0].Sequence, events.Count).Select(number => (long)number));
    }

    [Fact]
    public async Task Many_threads_write_whole_lines()
    {
        using var log = Open("node-1", new EventLogOptions { SegmentBytes = 50_000, Segments = 100 });
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 200; i++)
                log.Append(EventKind.InstanceReady, "web/1");
        })));

        Assert.Equal(Enumerable.Range(1, 1_600).Select(number => $"node-1.{number}"), EventReader.Read([Of("node-1")]).OrderBy(happened => happened.Sequence).Select(happened => happened.Id));
        Assert.Equal(0, log.Lost);
    }

    [Fact]
    public async Task Following_gives_the_last_ones_then_each_new_one_also_from_a_new_node()
    {
        using var deadline = new CancellationTokenSource(Deadline);
        using var one = Open("node-1");
        for (var i = 0; i < 5; i++)
            one.Append(EventKind.NodeStarted, "node-1");
        var directories = new List<string> { Of("node-1") };
        await using var follow = EventReader
            .FollowAsync(() => directories, 2, TimeSpan.FromMilliseconds(1), TimeProvider.System, deadline.Token)
            .GetAsyncEnumerator(deadline.Token);

        async Task<string> Next() => await follow.MoveNextAsync() ? follow.Current.Id : "ended";

        Assert.Equal("node-1.4", await Next());
        Assert.Equal("node-1.5", await Next());
        one.Append(EventKind.NodeStopped, "node-1");
        Assert.Equal("node-1.6", await Next());
        using var two = Open("node-2");
        two.Append(EventKind.NodeStarted, "node-2");
        directories.Add(Of("node-2"));
        Assert.Equal("node-2.1", await Next());

        // Half a line is not an event yet.
        var path = Directory.GetFiles(Of("node-2")).Single();
        var line = Encoding.UTF8.GetString(two.Append(EventKind.NodeStopped, "node-2").ToJson()).Replace("node-2.2", "node-2.3", StringComparison.Ordinal);
        File.AppendAllText(path, line[..20]);
        Assert.Equal("node-2.2", await Next());
        File.AppendAllText(path, line[20..] + "\n");
        Assert.Equal("node-2.3", await Next());
        await deadline.CancelAsync();
        Assert.Equal("ended", await Next());
    }

    private sealed class SteppedTime : TimeProvider
    {
        private DateTimeOffset _now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

        public void Step() => _now += TimeSpan.FromSeconds(1);

        public override DateTimeOffset GetUtcNow() => _now;
    }
}

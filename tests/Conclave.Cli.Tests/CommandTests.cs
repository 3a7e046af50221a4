using System.Text.Json.Nodes;
using Conclave.Orchestration;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;
using Xunit;

namespace Conclave.Cli.Tests;

public sealed class CommandTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("conclave-cli-").FullName;
    private readonly FakeCluster _cluster = new();
    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();

    private static ClusterStatus Healthy => StatusSummary.Of(new ClusterStatus
    {
        Name = "shop",
        Leader = new LeaderStatus("node-2", 4, 17),
        Nodes = [new NodeStatus { Name = "node-2", Pid = 42, State = RunState.Ready, Role = "leader" }],
        Services = [new ServiceStatus { Name = "web", Desired = 1, Ready = 1, Instances = [new InstanceStatus { Id = "web/1", Pid = 43, Port = 20_000, Node = "node-2", State = RunState.Ready }] }],
        Gateways = [new InstanceStatus { Id = "gateway/1", Pid = 44, Node = "node-2", State = RunState.Ready }],
        Urls = ["http://127.0.0.1:8080"],
    });

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private Task<int> RunAsync(params string[] arguments) =>
        CommandTree.RunAsync(arguments, _cluster, new Terminal(_out, _error, IsInteractive: false, _root));

    private string Error => _error.ToString().Trim();

    private string Out => _out.ToString().ReplaceLineEndings("\n");

    [Theory]
    [InlineData("conclave: there is no command 'stauts'; did you mean 'status'?", "stauts")]
    [InlineData("conclave: there is no command 'frobnicate'; see 'conclave --help'", "frobnicate")]
    [InlineData("conclave: '--jsn' is not understood here; did you mean '--json'?", "status", "--jsn")]
    [InlineData("conclave: Required argument 'TARGET' missing for command: 'kill'; see 'conclave kill --help'", "kill")]
    [InlineData("conclave: 'FOO' is not a signal; write one of HUP, INT, QUIT, ABRT, KILL, USR1, USR2, PIPE, ALRM, TERM, CONT, STOP, WINCH", "kill", "web/1", "--signal", "FOO")]
    [InlineData("conclave: '-1' is not a count; write a whole number from 0 to 1000", "scale", "web=-1")]
    [InlineData("conclave: 'web' says no count; write web=5", "scale", "web")]
    [InlineData("conclave: --lines takes a number from 0; see 'conclave events --help'", "events", "-n", "-1")]
    public async Task A_wrong_command_line_is_one_line_and_exit_code_2(string expected, params string[] arguments)
    {
        Assert.Equal(ExitCode.Usage, await RunAsync(arguments));
        Assert.Equal(expected, Error);
        Assert.Empty(_cluster.Calls);
    }

    [Fact]
    public async Task A_broken_file_is_its_own_lines_and_exit_code_2()
    {
        await File.WriteAllTextAsync(Path.Combine(_root, "conclave.yaml"), "services:\n  web: { comand: sh }\n");

        Assert.Equal(ExitCode.Usage, await RunAsync("up"));
        Assert.Equal(
            "conclave.yaml:2: services.web has no command; write command: [\"program\", \"argument\"]\nconclave.yaml:2: unknown key 'services.web.comand'; did you mean 'command'?",
            Error.ReplaceLineEndings("\n"));
        Assert.Empty(_cluster.Calls);
    }

    [Fact]
    public async Task Init_writes_a_file_that_a_dry_run_accepts_and_never_overwrites()
    {
        Assert.Equal(ExitCode.Ok, await RunAsync("init"));
        Assert.Equal(ExitCode.Ok, await RunAsync("up", "--dry-run"));
        Assert.Contains("2 gateways on http://127.0.0.1:8080", Out, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Failed, await RunAsync("init"));
        Assert.Contains("is there already", Error, StringComparison.Ordinal);
        Assert.Empty(_cluster.Calls);
    }

    [Fact]
    public async Task Without_a_file_up_runs_the_sample_with_its_data_here()
    {
        var sample = ClusterFile.Parse(
            (await File.ReadAllTextAsync(SampleFile())).Replace(SampleCluster.RepositoryDirectory, "directory: .", StringComparison.Ordinal).Replace("\"dotnet\"", "\"sh\"", StringComparison.Ordinal),
            Path.Combine(_root, "conclave.yaml"),
            "sample").Spec;

        Assert.Contains(SampleCluster.RepositoryDirectory, await File.ReadAllTextAsync(SampleFile()), StringComparison.Ordinal);
        Assert.Equal(("sample", 3, 3), (sample.Name, sample.Nodes, sample.Service("web")!.Replicas));
    }

    [Theory]
    [InlineData(ClusterState.Healthy, 0)]
    [InlineData(ClusterState.Degraded, 4)]
    [InlineData(ClusterState.Electing, 4)]
    [InlineData(ClusterState.NoQuorum, 4)]
    [InlineData(ClusterState.Stopped, 3)]
    public async Task Status_ends_with_the_code_of_its_state(ClusterState state, int code)
    {
        _cluster.Statuses.Enqueue(Healthy with { State = state });

        Assert.Equal(code, await RunAsync("status", "--json"));
        Assert.Equal(17, (long?)JsonNode.Parse(Out)!["leader"]!["token"]);
    }

    [Fact]
    public async Task Status_says_its_sentence_first_then_the_details()
    {
        _cluster.Statuses.Enqueue(Healthy);

        Assert.Equal(ExitCode.Ok, await RunAsync("status"));
        Assert.Equal(
            """
            Healthy: web 1/1, nodes 1/1 (not fault-tolerant), leader node-2, term 4

            leader   node-2, term 4, fencing token 17
            serving  http://127.0.0.1:8080
            service  web: 1 of 1 ready

            NODE    PID  ROLE    STATE  RESTARTS  SINCE
            node-2  42   leader  ready  0         -

            ID         PID  PORT   NODE    STATE  RESTARTS  SINCE  WHY
            web/1      43   20000  node-2  ready  0         -      -
            gateway/1  44   -      node-2  ready  0         -      -

            """.ReplaceLineEndings("\n"),
            Out);
    }

    [Fact]
    public async Task What_does_not_run_is_exit_code_3()
    {
        Assert.Equal(ExitCode.NotRunning, await RunAsync("status"));
        Assert.Equal("conclave: nothing runs here; 'conclave up' starts it", Error);
        Assert.Equal(ExitCode.NotRunning, await RunAsync("events"));
    }

    [Fact]
    public async Task The_data_directory_comes_from_the_file_also_while_the_file_is_broken()
    {
        await File.WriteAllTextAsync(Path.Combine(_root, "conclave.yaml"), "cluster: { data: ./state }\nservices: { web: { comand: x } }\n");

        Assert.Equal(ExitCode.Ok, await RunAsync("down"));
        Assert.Equal([$"down {_root}/state"], _cluster.Calls);
    }

    [Fact]
    public async Task Changes_are_passed_on_and_said()
    {
        Assert.Equal(ExitCode.Ok, await RunAsync("scale", "web=5"));
        Assert.Equal(ExitCode.Ok, await RunAsync("kill", "leader", "-s", "stop"));
        Assert.Equal(ExitCode.Ok, await RunAsync("restart", "web"));
        Assert.Equal(["scale web=5", "kill leader SIGSTOP", "restart web"], _cluster.Calls);
        Assert.Equal("web: 3 → 5\nsent SIGSTOP to node-2 (pid 42)\nweb is being restarted\n", Out);
    }

    [Fact]
    public async Task A_detached_up_returns_once_it_serves()
    {
        await File.WriteAllTextAsync(Path.Combine(_root, "conclave.yaml"), "services: { web: { command: sh } }\nname: shop\n");
        _cluster.Statuses.Enqueue(Healthy);

        Assert.Equal(ExitCode.Ok, await RunAsync("up", "-d"));
        Assert.Equal(["up shop detach=True"], _cluster.Calls);
        Assert.Contains("http://127.0.0.1:8080", Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_foreground_up_ends_when_somebody_else_takes_it_down_and_stops_nothing_twice()
    {
        await File.WriteAllTextAsync(Path.Combine(_root, "conclave.yaml"), "services: { web: { command: sh } }\nname: shop\n");
        _cluster.Statuses.Enqueue(Healthy);
        _cluster.Guarding.SetResult();

        Assert.Equal(ExitCode.Ok, await RunAsync("up").WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.DoesNotContain(_cluster.Calls, call => call.StartsWith("down", StringComparison.Ordinal));
        Assert.EndsWith("Stopped.\n", Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Events_are_lines_for_people_and_json_for_programs()
    {
        var directory = Path.Combine(_root, "events");
        using (var log = new EventLog(directory, "node-1"))
        {
            log.Append(EventKind.NodeStarted, "node-1");
            log.Append(EventKind.InstanceExited, "web/2", 4, "killed by SIGKILL", new JsonObject { ["pid"] = 7 });
        }

        _cluster.Directories.Add(directory);
        Assert.Equal(ExitCode.Ok, await RunAsync("events", "-n", "1"));
        Assert.Matches(@"^\d\d:\d\d:\d\d\.\d{3}  node-1   instance-exited      web/2  killed by SIGKILL  pid=7\n$", Out);
        _out.GetStringBuilder().Clear();
        Assert.Equal(ExitCode.Ok, await RunAsync("events", "--json"));
        Assert.Equal(["node-1.1", "node-1.2"], Out.Trim().Split('\n').Select(line => (string?)JsonNode.Parse(line)!["id"]));
    }

    [Fact]
    public async Task Logs_print_the_last_lines_with_a_prefix_when_there_are_several()
    {
        var path = Path.Combine(_root, "a.log");
        await File.WriteAllTextAsync(path, "1\n2\n3\nhalf");
        _cluster.Logs.Add(new LogFile("web/1", path));

        Assert.Equal(ExitCode.Ok, await RunAsync("logs", "web/1", "-n", "2"));
        Assert.Equal("3\nhalf\n", Out);
        _out.GetStringBuilder().Clear();
        _cluster.Logs.Add(new LogFile("web/2", Path.Combine(_root, "not-yet.log")));
        Assert.Equal(ExitCode.Ok, await RunAsync("logs", "web"));
        Assert.Equal("web/1 | 1\nweb/1 | 2\nweb/1 | 3\nweb/1 | half\n", Out);
    }

    [Fact]
    public void A_log_is_followed_over_its_shortening()
    {
        var path = Path.Combine(_root, "a.log");
        File.WriteAllText(path, string.Concat(Enumerable.Range(0, 50_000).Select(i => $"line {i}\n")));
        var tail = new LogTail(path, "");
        tail.PrintLast(2, _out);
        File.AppendAllText(path, "new\n");
        tail.PrintNew(_out);
        File.WriteAllText(path, "line 49999\nnew\n");
        tail.PrintNew(_out);
        File.AppendAllText(path, "newer\n");
        tail.PrintNew(_out);

        Assert.Equal("line 49998\nline 49999\nnew\nnewer\n", Out);
    }

    [Fact]
    public async Task What_up_spawns_is_dispatched_with_its_arguments_as_they_are()
    {
        Assert.Equal(7, await RunAsync("node", "--name", "node-1", "--help"));
        Assert.Equal(["node --name node-1 --help"], _cluster.Calls);
        Assert.Equal(8, await RunAsync("gateway"));
    }

    [Fact]
    public async Task Every_command_teaches_itself()
    {
        foreach (var name in (string[])["up", "down", "status", "ps", "logs", "events", "scale", "restart", "stop", "start", "kill", "init", "serve"])
        {
            _out.GetStringBuilder().Clear();
            Assert.Equal(ExitCode.Ok, await RunAsync(name, "--help"));
            Assert.Contains($"conclave {name} ", Out, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Serve_takes_etcds_flags_with_one_dash_or_two_and_with_equals()
    {
        Assert.Equal(ExitCode.Ok, await RunAsync(
            "serve", "-name", "b", "--data-dir=b.data", "--listen-client-urls", "http://127.0.0.1:1,unix:///tmp/b.sock", "-advertise-client-urls=http://127.0.0.1:1",
            "--listen-peer-urls=http://127.0.0.1:2", "--initial-advertise-peer-urls=http://127.0.0.1:2", "--initial-cluster", "a=http://127.0.0.1:3,b=http://127.0.0.1:2",
            "--initial-cluster-state=existing", "--heartbeat-interval=50", "--election-timeout", "500", "--log-level", "debug"));
        var served = _cluster.Served!;
        Assert.Equal(("b", Path.Combine(_root, "b.data"), true), (served.Name, served.DataDir, served.JoinsExisting));
        Assert.Equal(["a", "b"], served.InitialCluster.Select(peer => peer.Name));
        Assert.Equal((50, 500), (served.HeartbeatInterval.TotalMilliseconds, served.ElectionTimeout.TotalMilliseconds));
        Assert.Equal(2, served.ListenClientUrls.Length);
    }

    [Theory]
    [InlineData("--election-timeout is less than five times --heartbeat-interval", "--heartbeat-interval=500")]
    [InlineData("--initial-cluster does not name 'default'", "--initial-cluster=a=http://127.0.0.1:2380")]
    [InlineData("they must be the same", "--initial-cluster=default=http://127.0.0.1:9999")]
    [InlineData("without TLS; listen on 127.0.0.1, or accept that with --insecure", "--listen-peer-urls=http://0.0.0.0:2380")]
    [InlineData("TLS is not there yet", "--listen-peer-urls=https://127.0.0.1:2380")]
    [InlineData("--advertise-client-urls is required", "--listen-client-urls=http://127.0.0.1:2379")]
    [InlineData("'later'", "--initial-cluster-state=later")]
    [InlineData("did you mean '--data-dir'?", "--data-dri=x")]
    public async Task Serve_refuses_what_cannot_work(string expected, string flag)
    {
        Assert.Equal(ExitCode.Usage, await RunAsync("serve", flag));
        Assert.Contains(expected, Error, StringComparison.Ordinal);
        Assert.Null(_cluster.Served);
    }

    [Fact]
    public void The_live_picture_shows_the_sentence_the_processes_and_what_happened()
    {
        var terminal = new Terminal(_out, _error, IsInteractive: false, _root);
        var happened = new ClusterEvent { Id = "node-1.1", Time = DateTimeOffset.UnixEpoch, MonoNs = 1, Node = "node-1", Kind = EventKind.LeaderElected, Subject = "node-2", Why = "[no markup]" };

        terminal.Console.Write(Rendering.LiveView.Render(Healthy, [happened], DateTimeOffset.UnixEpoch, "the hint", width: 120, height: 40));

        foreach (var expected in (string[])["Healthy: web 1/1", "http://127.0.0.1:8080", "leader, token 17", "web/1", "gateway/1", "[no markup]", "the hint"])
            Assert.Contains(expected, Out, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(24, true)]
    [InlineData(17, false)]
    [InlineData(12, false)]
    public void The_live_picture_fits_the_terminal_and_keeps_what_is_not_well(int height, bool framed)
    {
        var terminal = new Terminal(_out, _error, IsInteractive: false, _root);
        var instances = Enumerable.Range(1, 9).Select(n => new InstanceStatus { Id = $"web/{n}", State = n == 9 ? RunState.CrashLoop : RunState.Ready });
        var status = Healthy with { Services = [new ServiceStatus { Name = "web", Desired = 9, Ready = 8, Instances = [.. instances] }] };
        var events = Enumerable.Range(0, 8)
            .Select(n => new ClusterEvent { Id = $"node-1.{n}", Time = DateTimeOffset.UnixEpoch, MonoNs = n, Node = "node-1", Kind = EventKind.LeaderElected, Subject = "node-2", Why = new string('x', 200) })
            .ToList();

        terminal.Console.Write(Rendering.LiveView.Render(status, events, DateTimeOffset.UnixEpoch, "the hint", width: 80, height));

        var lines = Out.TrimEnd('\n').Split('\n');
        Assert.InRange(lines.Length, 1, height);
        Assert.Equal(framed, Out.Contains('╭', StringComparison.Ordinal));
        foreach (var expected in (string[])["Healthy: web 1/1", "http://127.0.0.1:8080", "web/9", "crash loop", "the hint"])
            Assert.Contains(expected, Out, StringComparison.Ordinal);
        Assert.Equal(height == 12, Out.Contains("more", StringComparison.Ordinal));
    }

    private static string SampleFile()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Conclave.slnx")))
            directory = directory.Parent!;
        return Path.Combine(directory.FullName, "samples", "Web", "conclave.yaml");
    }
}

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>Somebody else listens where an instance was to listen, and other things of the host that are not as expected.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class PortChoiceTests
{
    /// <summary>On its first start a stranger takes its port a moment before it would.</summary>
    private const string Robbed =
        """
        import http.server, os, subprocess, sys, time, urllib.request
        port = int(sys.argv[1])
        if not os.path.exists("stranger.pid"):
            stranger = subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], env={}, start_new_session=True, stderr=subprocess.DEVNULL)
            open("stranger.pid", "w").write(str(stranger.pid))
            while True:
                try:
                    urllib.request.urlopen("http://127.0.0.1:%d/" % port).close()
                    break
                except OSError:
                    time.sleep(0.01)
        http.server.HTTPServer.allow_reuse_address = False
        http.server.HTTPServer(("127.0.0.1", port), http.server.SimpleHTTPRequestHandler).serve_forever()

        """;

    private const string Services =
        """
          robbed:
            command: ["python3", "robbed.py", "{port}"]
            ready: { tcp: "{port}", interval: 500ms }
            stop_grace_period: 3s

        """;

    [Fact]
    public async Task Instance_whose_port_was_taken_is_started_again_with_another_and_keeps_it_until_that_is_taken_too()
    {
        await using var cluster = RunningCluster.Create(Services, cluster: "nodes: 1");
        await File.WriteAllTextAsync(Path.Combine(cluster.Directory, "robbed.py"), Robbed);
        var pidFile = Path.Combine(cluster.Directory, "stranger.pid");
        try
        {
            // Taken between the choice and the start.
            await cluster.UpAsync();
            var ports = StartsOf(cluster);
            Assert.True(ports.Count == 2 && ports[0] != ports[1], $"started with ports {string.Join(", ", ports)}");
            var own = (await cluster.UntilAsync("it serves", s => s.Instance("robbed/1").State == RunState.Ready)).Instance("robbed/1").Port!.Value;
            Assert.Equal(ports[1], own);

            // Free: kept over a restart.
            await cluster.DoAsync("kill", "robbed/1");
            await cluster.UntilAsync("it serves again", s => s.Instance("robbed/1") is { State: RunState.Ready, Restarts: > 1 });
            Assert.Equal(own, StartsOf(cluster)[^1]);

            // Taken while nothing ran.
            await cluster.DownAsync();
            using var stranger = new TcpListener(IPAddress.Loopback, own);
            stranger.Start();
            await cluster.UpAsync(); // what was reported before 'down' stands for as long as its lease
            await cluster.UntilAsync("it serves at another port", s => s.Instance("robbed/1") is { State: RunState.Ready } i && i.Port != own);
        }
        finally
        {
            if (File.Exists(pidFile))
                RunningCluster.SignalIfAlive(RunningCluster.Kill, int.Parse(await File.ReadAllTextAsync(pidFile), CultureInfo.InvariantCulture));
        }
    }

    [Fact]
    public async Task Log_that_cannot_be_trimmed_is_told_of_once_and_its_node_goes_on()
    {
        await using var cluster = RunningCluster.Create(RunningCluster.Files, cluster: "nodes: 1");
        var before = await cluster.UpAsync();
        var moment = RunningCluster.Now();
        var log = Path.Combine(cluster.DataDirectory, "logs", "files-1.log");
        File.Move(log, log + ".away");
        Directory.CreateDirectory(log);

        var told = await cluster.UntilEventAsync("the node tells of it", moment, e => e.Kind == EventKind.LogUntrimmed);
        Assert.Equal("files-1.log", told.Subject);
        Assert.Contains(log, told.Why, StringComparison.Ordinal);
        Directory.Delete(log);
        File.Move(log + ".away", log);
        Assert.Equal(before.PidOf("node-1"), (await cluster.HealthyAsync()).PidOf("node-1"));
        Assert.Single(cluster.EventsSince(moment), e => e.Kind == EventKind.LogUntrimmed);
    }

    private static List<int> StartsOf(RunningCluster cluster) =>
        [.. cluster.Events().Where(e => e is { Kind: EventKind.InstanceStarted, Subject: "robbed/1" }).Select(e => (int)e.Data!["port"]!)];

    [Theory]
    [InlineData("--listen-client-urls", "--listen-peer-urls")]
    [InlineData("--listen-peer-urls", "--listen-client-urls")]
    public async Task Member_whose_address_is_taken_says_which_and_what_to_do(string taken, string free)
    {
        using var stranger = new TcpListener(IPAddress.Loopback, 0);
        stranger.Start();
        var address = $"http://{stranger.LocalEndpoint}";
        var directory = Directory.CreateTempSubdirectory("conclave-taken-").FullName;
        try
        {
            var peers = taken == "--listen-peer-urls";
            var freeUrl = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{LoopbackPorts.Free()}");
            var ended = await ConclaveProgram.RunAsync(
                directory, "serve", "--name", "a", "--data-dir", Path.Combine(directory, "a"), taken, address, free, freeUrl,
                "--advertise-client-urls", peers ? freeUrl : address, "--initial-advertise-peer-urls", peers ? address : freeUrl, "--initial-cluster", $"a={(peers ? address : freeUrl)}");

            Assert.True(ended.Code == 1, ended.ToString());
            var line = Assert.Single(ended.Complaints);
            Assert.Contains(address, line, StringComparison.Ordinal);
            Assert.Contains("in use", line, StringComparison.Ordinal);
            Assert.Contains("another address", line, StringComparison.Ordinal);
            Assert.DoesNotContain("   at ", ended.Error, StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }
}

using System.Diagnostics;
using System.Globalization;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary><c>up</c> without <c>-d</c>, in a terminal and without one.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class ForegroundTests
{
    [NeedsFact("script")]
    public async Task Ctrl_c_in_a_terminal_stops_everything_that_was_started_and_nothing_else()
    {
        await using var cluster = RunningCluster.Create(RunningCluster.Files);
        using var foreign = Process.Start(new ProcessStartInfo("python3", ["-m", "http.server", LoopbackPorts.Free().ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1"])
        {
            WorkingDirectory = cluster.Directory,
            RedirectStandardError = true,
        })!;
        try
        {
            // script(1) gives the program a terminal of its own; what we write is typed there. A shell that stays between the two would get Ctrl-C too and end with its code;
            // env(1) undoes what a test run in the background inherits: there Ctrl-C is ignored, by the program too.
            using var terminal = Process.Start(new ProcessStartInfo("script", ["-q", "-e", "-c", $"exec env --default-signal=INT '{ConclaveProgram.Path}' up", "/dev/null"])
            {
                WorkingDirectory = cluster.Directory,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
            })!;
            var serves = new TaskCompletionSource(); // before that, Ctrl-C breaks the start off, which is no success
            var shown = ConclaveProgram.ReadAsync(terminal.StandardOutput, l => _ = l.Contains("http://") && serves.TrySetResult());
            await serves.Task.WaitAsync(Waiting.Deadline);
            await terminal.StandardInput.WriteAsync('\x03');
            await terminal.StandardInput.FlushAsync();
            await Waiting.UntilAsync("up has ended", () => terminal.HasExited, cluster.Story);

            Assert.Equal(0, terminal.ExitCode);
            Assert.Contains("Stopped.", await shown, StringComparison.Ordinal);
            Assert.Empty(cluster.Left());
            Assert.False(foreign.HasExited);
        }
        finally
        {
            foreign.Kill();
            await foreign.WaitForExitAsync();
        }
    }

    [Fact]
    public async Task Down_ends_what_was_started_hung_and_orphaned_too_and_leaves_a_stranger_in_the_same_directory_alone()
    {
        await using var cluster = RunningCluster.Create(RunningCluster.Files);
        var port = LoopbackPorts.Free();
        using var foreign = Process.Start(new ProcessStartInfo("python3", ["-m", "http.server", port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1"])
        {
            WorkingDirectory = cluster.Directory,
            RedirectStandardError = true,
        })!;
        try
        {
            var before = await cluster.UpAsync();
            var instance = before.Instance("files/1");
            var other = before.Nodes.First(n => n.Name != instance.Node).Name;
            RunningCluster.Signal(RunningCluster.Kill, before.Nodes.Where(n => n.Name != other).Select(n => n.Pid!.Value));
            RunningCluster.Signal(RunningCluster.Stop, before.PidOf(other), instance.Pid!.Value, before.Gateways[0].Pid!.Value);

            await cluster.DownAsync();

            Assert.Empty(cluster.Left());
            Assert.False(foreign.HasExited);
            using var http = new HttpClient();
            Assert.Contains("conclave.yaml", await http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/")), StringComparison.Ordinal);
            foreach (var ours in new[] { cluster.Url.Port, instance.Port!.Value })
                Assert.True(Orchestration.Processes.PortAllocator.IsFree(ours), $"somebody still listens on port {ours}");
            Assert.Equal("Stopped: no node runs", (await cluster.StatusAsync()).Summary);
        }
        finally
        {
            foreign.Kill();
            await foreign.WaitForExitAsync();
        }
    }

    [Fact]
    public async Task Second_up_is_refused_a_killed_one_is_attached_to_again_and_a_living_one_restores_even_all_nodes()
    {
        await using var cluster = RunningCluster.Create(RunningCluster.Files);
        using (var first = Process.Start(ConclaveProgram.Command(cluster.Directory, "up"))!)
        {
            var (shown, said) = (ConclaveProgram.ReadAsync(first.StandardOutput), ConclaveProgram.ReadAsync(first.StandardError));
            await Waiting.UntilAsync("the cluster is healthy", () => IsHealthyAsync(cluster), cluster.Story);
            var second = await cluster.RunAsync("up", "-d");
            Assert.True(second.Code == 1 && second.Complaints is [var why] && why.Contains("another 'conclave up'", StringComparison.Ordinal), second.ToString());

            var before = await cluster.HealthyAsync();
            RunningCluster.Signal(RunningCluster.Kill, first.Id);
            await first.WaitForExitAsync();
            await Task.WhenAll(shown, said);
            Assert.Equal(before.Processes(), (await cluster.HealthyAsync()).Processes());
        }

        using var again = Process.Start(ConclaveProgram.Command(cluster.Directory, "up"))!;
        var shownUrl = new TaskCompletionSource();
        var (lines, errors) = (ConclaveProgram.ReadAsync(again.StandardOutput, l => _ = l.Contains("http://") && shownUrl.TrySetResult()), ConclaveProgram.ReadAsync(again.StandardError));
        await shownUrl.Task.WaitAsync(Waiting.Deadline);
        var attached = await cluster.HealthyAsync();
        await using var load = await cluster.LoadAsync();

        RunningCluster.Signal(RunningCluster.Kill, attached.Nodes.Select(n => n.Pid!.Value));
        var restored = await cluster.UntilAsync(
            "all nodes are other processes", s => s.State == ClusterState.Healthy && attached.Nodes.All(n => s.Node(n.Name).Pid != n.Pid));
        Assert.Equal(attached.Processes(), restored.Processes());
        (await load.EndAsync()).RequireNoFailure();

        await cluster.DownAsync();
        await Waiting.UntilAsync("the foreground up has ended with its cluster", () => again.HasExited, () => "it still runs");
        Assert.Equal(0, again.ExitCode);
        Assert.Contains("Stopped.", await lines, StringComparison.Ordinal);
        await errors;
    }

    private static async Task<bool> IsHealthyAsync(RunningCluster cluster) =>
        File.Exists(Path.Combine(cluster.DataDirectory, "cluster.json")) && (await cluster.StatusAsync()) is { State: ClusterState.Healthy, Services.Length: > 0, Gateways.Length: > 0 };
}

using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>Each mistake ends in one clear line and an exit code, and nothing runs or is lost.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class BadInputTests
{
    [Fact]
    public async Task Command_that_does_not_exist_is_said_before_anything_starts()
    {
        await using var cluster = RunningCluster.Create(RunningCluster.Files.Replace("python3", "pyhton3", StringComparison.Ordinal));

        var ended = await cluster.RunAsync("up", "-d");

        Refused(ended, 2, "conclave.yaml:", "services.files.command", "pyhton3");
        Assert.Empty(cluster.Left());
    }

    [Fact]
    public async Task Port_in_use_names_its_holder_and_nothing_is_left_running()
    {
        await using var cluster = RunningCluster.Create(RunningCluster.Files);
        using var holder = new TcpListener(IPAddress.Loopback, cluster.Url.Port);
        holder.Start();

        var ended = await cluster.RunAsync("up", "-d");

        Refused(ended, 1, $"port {cluster.Url.Port} is in use", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        Assert.Empty(cluster.Left());
    }

    [Fact]
    public async Task Mistyped_key_is_named_with_its_line_and_what_was_meant()
    {
        await using var cluster = RunningCluster.Create(RunningCluster.Files.Replace("stop_grace_period", "stop_grace_perod", StringComparison.Ordinal));

        var ended = await cluster.RunAsync("up", "-d");

        Refused(ended, 2, "conclave.yaml:", "stop_grace_perod", "did you mean 'stop_grace_period'?");
        Assert.False(Directory.Exists(cluster.DataDirectory));
    }

    [Fact]
    public async Task Data_directory_that_cannot_be_made_is_said_and_nothing_starts()
    {
        await using var cluster = RunningCluster.Create(RunningCluster.Files);
        await File.WriteAllTextAsync(cluster.DataDirectory, "a file stands where the directory should");

        var ended = await cluster.RunAsync("up", "-d");

        Refused(ended, 1, cluster.DataDirectory);
        Assert.Empty(cluster.Left());
    }

    [Fact]
    public async Task Stored_cluster_that_cannot_be_read_is_named_and_left_as_it_is()
    {
        await using var cluster = RunningCluster.Create(RunningCluster.Files);
        Directory.CreateDirectory(cluster.DataDirectory);
        var file = Path.Combine(cluster.DataDirectory, "cluster.json");
        foreach (var (text, says) in new[] { ("{ \"v\": 1, \"name\"", "cluster.json"), ("""{"v":99,"name":"e2e"}""", "newer"), ("[]", "cluster.json") })
        {
            await File.WriteAllTextAsync(file, text);
            foreach (var command in new string[][] { ["up", "-d"], ["status"], ["down"] })
                Refused(await cluster.RunAsync(command), 1, file, says);
            Assert.Equal(text, await File.ReadAllTextAsync(file));
        }

        Assert.Empty(cluster.Left());
        File.Delete(file);
    }

    [Fact]
    public async Task Command_to_a_cluster_that_never_ran_ends_with_code_3()
    {
        await using var cluster = RunningCluster.Create(RunningCluster.Files);

        foreach (var command in new string[][] { ["status"], ["kill", "web/1"], ["scale", "files=2"], ["ps"], ["down"], ["events"] })
        {
            var ended = await cluster.RunAsync(command);
            Assert.True(ended.Code == 3 && ended.Complaints.Count == 1, $"{command[0]}: {ended}");
        }

        Assert.False(Directory.Exists(cluster.DataDirectory));
    }

    [Fact]
    public async Task Probe_that_never_succeeds_ends_up_with_its_reason_and_leaves_nothing()
    {
        await using var cluster = RunningCluster.Create(
            RunningCluster.Files.Replace("tcp: \"{port}\"", "http: /absent", StringComparison.Ordinal), cluster: "nodes: 1");

        var ended = await cluster.RunAsync("up", "-d", "--timeout", "13");

        Refused(ended, 1, "files/1");
        Assert.Contains("404", ended.Complaints[0], StringComparison.Ordinal);
        Assert.Empty(cluster.Left());
        Assert.Equal(ClusterState.Stopped, (await cluster.StatusAsync()).State);
    }

    private static void Refused(Ended ended, int code, params IEnumerable<string> says)
    {
        Assert.True(ended.Code == code && ended.Complaints.Count == 1, ended.ToString());
        foreach (var part in says)
            Assert.True(ended.Complaints[0].Contains(part, StringComparison.Ordinal), $"'{part}' is missing in {ended}");
        Assert.DoesNotContain("   at ", ended.Error, StringComparison.Ordinal);
    }
}

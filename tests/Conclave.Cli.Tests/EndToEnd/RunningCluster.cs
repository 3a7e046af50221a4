using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Conclave.Cli.Cluster;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>
/// A cluster of real processes in a directory of its own, started and changed through the built program. Its state is read with the same code that <c>status --json</c> prints, without a new
/// process for each look: on two cores the looking would disturb what is looked at.
/// </summary>
internal sealed partial class RunningCluster : IAsyncDisposable
{
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Stop = 19;
    public const int Continue = 18;

    /// <summary>Three ASP.NET Core samples at <c>/</c>, with a live probe that notices a hung one within about two seconds.</summary>
    public static string Web { get; } = WebOf(replicas: 3);

    /// <summary>One <c>python3 -m http.server</c> that is not routed to.</summary>
    public static string Files { get; } =
        """
          files:
            command: ["python3", "-m", "http.server", "{port}", "--bind", "127.0.0.1"]
            ready: { tcp: "{port}", interval: 500ms }
            stop_grace_period: 3s

        """;

    private readonly string _cluster;
    private readonly ClusterCommands _commands = new();

    private RunningCluster(string directory, int port, string cluster, int? http2Port)
    {
        Http2Url = http2Port is null ? null : new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{http2Port}/"));
        Directory = directory;
        Url = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/"));
        _cluster = cluster;
    }

    public string Directory { get; }

    public string DataDirectory => Path.Combine(Directory, ".conclave");

    public Uri Url { get; }

    /// <summary>Where the gateways speak HTTP/2, when that was asked for.</summary>
    public Uri? Http2Url { get; }

    public static string WebOf(int replicas) => string.Create(
        CultureInfo.InvariantCulture,
        $$"""
          web:
            command: ["dotnet", "Conclave.Samples.Web.dll", "--urls", "http://127.0.0.1:{port}"]
            directory: {{ConclaveProgram.SampleDirectory}}
            replicas: {{replicas}}
            ready: { http: /readyz, interval: 1s, timeout: 1s, failures: 3 }
            live:  { http: /livez, interval: 500ms, timeout: 700ms, failures: 2 }
            stop_grace_period: 10s

        """);

    /// <summary>Writes the file; starts nothing.</summary>
    /// <param name="services">The entries below <c>services:</c>.</param>
    /// <param name="cluster">The entries of <c>cluster:</c> besides the data directory.</param>
    /// <param name="http2">A second address of the gateway, for HTTP/2.</param>
    public static RunningCluster Create(string services, string cluster = "nodes: 3", bool http2 = false)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("conclave-e2e-").FullName;
        var running = new RunningCluster(directory, LoopbackPorts.Free(), cluster, http2 ? LoopbackPorts.Free() : null);
        running.WriteFile(services);
        return running;
    }

    public void WriteFile(string services, string name = "e2e")
    {
        var first = services.Split(':', 2)[0].Trim();
        var http2 = Http2Url is null ? "" : string.Create(CultureInfo.InvariantCulture, $", \"h2c://127.0.0.1:{Http2Url.Port}\"");
        File.WriteAllText(
            Path.Combine(Directory, "conclave.yaml"),
            $$"""
            name: {{name}}
            cluster: { {{_cluster}}, data: ./.conclave }
            gateway:
              listen: ["http://127.0.0.1:{{Url.Port}}"{{http2}}]
              routes: { "/": {{first}} }
            services:
            {{services}}
            """);
    }

    public Task<Ended> RunAsync(params IEnumerable<string> arguments) => ConclaveProgram.RunAsync(Directory, arguments);

    /// <summary>Runs a command that must succeed.</summary>
    public async Task<string> DoAsync(params IEnumerable<string> arguments)
    {
        var ended = await RunAsync(arguments);
        Assert.True(ended.Code == 0, $"conclave {string.Join(' ', arguments)}: {ended}\n{Story()}");
        return ended.Out;
    }

    public async Task<ClusterStatus> UpAsync()
    {
        var ended = await RunAsync("up", "-d");
        Assert.True(ended.Code == 0, $"up -d: {ended}\n{Story()}");
        return await HealthyAsync();
    }

    public Task<ClusterStatus> StatusAsync() => _commands.StatusAsync(new ClusterLocation(DataDirectory), CancellationToken.None);

    public Task<ClusterStatus> HealthyAsync() => UntilAsync("the cluster is healthy", s => s.State == ClusterState.Healthy && s.Services.Length > 0 && s.Gateways.Length > 0);

    public async Task<ClusterStatus> UntilAsync(string condition, Func<ClusterStatus, bool> holds)
    {
        ClusterStatus? seen = null;
        await Waiting.UntilAsync(condition, async () => holds(seen = await StatusAsync()), () => $"it is {Describe(seen)}\n{Story()}");
        return seen!;
    }

    /// <summary>All events so far.</summary>
    public IReadOnlyList<ClusterEvent> Events() => EventReader.Read(_commands.EventDirectories(new ClusterLocation(DataDirectory)));

    /// <summary>Those after a moment that <see cref="Now"/> told.</summary>
    public IReadOnlyList<ClusterEvent> EventsSince(long moment) => [.. Events().Where(e => e.MonoNs > moment)];

    public async Task<ClusterEvent> UntilEventAsync(string condition, long since, Func<ClusterEvent, bool> wanted)
    {
        ClusterEvent? found = null;
        await Waiting.UntilAsync(condition, () => (found = EventsSince(since).FirstOrDefault(wanted)) is not null, Story);
        return found!;
    }

    /// <summary>This moment on the clock of the events.</summary>
    public static long Now()
    {
        Assert.Equal(0, ClockGetTime(clock: 1, out var now));
        return (now.Seconds * 1_000_000_000) + now.Nanoseconds;
    }

    public Task<GatewayLoad> LoadAsync(bool freshConnections = false, bool posts = false) => GatewayLoad.StartAsync(Url, freshConnections, posts);

    /// <summary>Each as <c>NAME=value</c>.</summary>
    public static string[] EnvironmentOf(int pid) => File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/environ")).Split('\0');

    /// <summary>Sends a signal at once and to all, which the program as a process of its own cannot.</summary>
    public static void Signal(int signal, params IEnumerable<int> pids)
    {
        foreach (var pid in pids)
            Assert.True(SendSignal(pid, signal) == 0, string.Create(CultureInfo.InvariantCulture, $"signal {signal} to {pid}: errno {Marshal.GetLastPInvokeError()}"));
    }

    /// <summary>To a process that may have been killed and collected meanwhile.</summary>
    public static void SignalIfAlive(int signal, int pid) => _ = SendSignal(pid, signal);

    /// <summary>A named pipe: who opens it to write waits for a reader.</summary>
    public static void MakePipe(string path) =>
        Assert.True(MakeFifo(path, 0x180 /* 0600 */) == 0, string.Create(CultureInfo.InvariantCulture, $"mkfifo {path}: errno {Marshal.GetLastPInvokeError()}"));

    /// <summary>Stops all of it; whatever then still runs is a failure.</summary>
    public async Task DownAsync()
    {
        var ended = await RunAsync("down");
        Assert.True(ended.Code == 0, $"down: {ended}");
        Assert.Empty(Left());
    }

    /// <summary>Processes that belong to this cluster: by their environment, nodes by their arguments.</summary>
    public IReadOnlyList<string> Left()
    {
        var left = new List<string>();
        foreach (var directory in System.IO.Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])))
        {
            try
            {
                var arguments = File.ReadAllText(directory + "/cmdline").Replace('\0', ' ');
                var environment = File.ReadAllText(directory + "/environ").Split('\0');
                if (environment.Contains("CONCLAVE_DATA=" + DataDirectory) || arguments.Contains("--data " + DataDirectory + " ", StringComparison.Ordinal))
                    left.Add($"{Path.GetFileName(directory)}: {arguments}");
            }
            catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
            {
                // It ended while we looked, or is somebody else's.
            }
        }

        return left;
    }

    public async ValueTask DisposeAsync()
    {
        if (Left().Count > 0)
            await DownAsync();
        System.IO.Directory.Delete(Directory, recursive: true);
    }

    /// <summary>What to read after a failure.</summary>
    public string Story()
    {
        var text = new StringBuilder("events:\n");
        foreach (var happened in Events().TakeLast(40))
            text.Append(Rendering.EventText.Line(happened, TimeZoneInfo.Utc)).Append('\n');
        if (!System.IO.Directory.Exists(DataDirectory))
            return text.ToString();
        foreach (var log in System.IO.Directory.EnumerateFiles(DataDirectory, "node.log", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            text.Append(log).Append(":\n").AppendJoin('\n', File.ReadLines(log).TakeLast(8)).Append('\n');
        return text.ToString();
    }

    private static string Describe(ClusterStatus? status) => status is null
        ? "unknown"
        : status.Summary + "\n" + string.Join('\n', status.AllInstances().Select(i => $"  {i.Id} {i.State} pid {i.Pid} on {i.Node}, {i.Restarts} restarts: {i.Why}"));

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "mkfifo", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakeFifo(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int ClockGetTime(int clock, out Timespec now);

    private readonly record struct Timespec(long Seconds, long Nanoseconds);
}

/// <summary>Short ways to what tests ask of a status.</summary>
internal static class StatusQuestions
{
    public static IEnumerable<InstanceStatus> AllInstances(this ClusterStatus status) => status.Services.SelectMany(s => s.Instances).Concat(status.Gateways);

    public static InstanceStatus Instance(this ClusterStatus status, string id) => status.AllInstances().Single(i => i.Id == id);

    public static ServiceStatus Service(this ClusterStatus status, string name) => status.Services.Single(s => s.Name == name);

    public static NodeStatus Node(this ClusterStatus status, string name) => status.Nodes.Single(n => n.Name == name);

    public static int PidOf(this ClusterStatus status, string node) =>
        status.Node(node).Pid ?? throw new InvalidOperationException($"{node} does not run: {status.Summary}");

    public static string Follower(this ClusterStatus status) => status.Nodes.First(n => n.Name != status.Leader!.Node).Name;

    /// <summary>Who runs as which process: the same before and after means adopted, not restarted.</summary>
    public static ImmutableSortedDictionary<string, int?> Processes(this ClusterStatus status) =>
        status.AllInstances().Where(i => i.State != RunState.Stopped).ToImmutableSortedDictionary(i => i.Id, i => i.Pid);

    /// <summary>The same with the number of restarts, which must not grow either.</summary>
    public static bool SameProcesses(this ClusterStatus status, ClusterStatus before) => status.Processes().SequenceEqual(before.Processes());
}

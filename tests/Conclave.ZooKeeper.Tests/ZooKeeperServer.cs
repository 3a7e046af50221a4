using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Conclave.Contract;

namespace Conclave.ZooKeeper.Tests;

/// <summary>
/// The ZooKeeper of the distribution in a process of its own, on a port of its own on loopback and with its data in a directory of its own: it can be killed and started
/// again on its data, stopped and continued.
/// </summary>
public sealed class ZooKeeperServer : IAsyncLifetime
{
    public const string Jar = "/usr/share/java/zookeeper.jar";
    public const string Java = "/usr/bin/java";

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conclave-zookeeper-");
    private readonly int _port;
    private readonly string[] _configuration;
    private RunningProcess? _process;

    public ZooKeeperServer()
        : this(LoopbackPorts.Free(1)[0], []) { }

    private ZooKeeperServer(int port, string[] configuration) => (_port, _configuration) = (port, configuration);

    /// <summary>Why the tests that need it are skipped; null when it is there.</summary>
    public static string? Missing { get; } = NeedsAttribute.MissingFor(typeof(ZooKeeperElectionTests));

    public string Address => $"127.0.0.1:{_port}";

    public IPEndPoint EndPoint => new(IPAddress.Loopback, _port);

    public string Folder => _directory.FullName;

    public static IReadOnlyList<ZooKeeperServer> NewEnsemble(int count)
    {
        var ports = LoopbackPorts.Free(3 * count);
        string[] members = [.. Enumerable.Range(0, count).Select(i => $"server.{i + 1}=127.0.0.1:{ports[(3 * i) + 1]}:{ports[(3 * i) + 2]}")];
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var server = new ZooKeeperServer(ports[3 * i], members);
            Directory.CreateDirectory(Path.Combine(server.Folder, "data"));
            File.WriteAllText(Path.Combine(server.Folder, "data", "myid"), $"{i + 1}");
            return server;
        })];
    }

    public async Task InitializeAsync()
    {
        if (Missing is null)
            await StartAsync();
    }

    public async Task StartAsync()
    {
        Launch();
        var started = Stopwatch.GetTimestamp();
        while (!await ServesAsync())
        {
            Assert.False(_process!.HasExited, $"the server ended:\n{_process.Output}");
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, $"the server does not answer:\n{_process.Output}");
            await Task.Delay(20);
        }
    }

    /// <summary>Starts the process without waiting until it serves: one of several waits for a majority.</summary>
    public void Launch()
    {
        // A tick of 100 ms makes sessions of half a second possible.
        File.WriteAllLines(Path.Combine(Folder, "zoo.cfg"),
        [
            "tickTime=100", "initLimit=100", "syncLimit=50", "minSessionTimeout=200", "maxSessionTimeout=60000",
            "dataDir=data", "clientPortAddress=127.0.0.1", $"clientPort={_port}", "admin.enableServer=false", "4lw.commands.whitelist=*", .. _configuration,
        ]);
        _process = new RunningProcess(Java,
        [
            "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", Jar, "org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg",
        ], Folder);
    }

    public async Task KillAsync()
    {
        Signal(Contract.Signal.Kill);
        await _process!.ExitAsync();
        _process.Dispose();
    }

    internal void Signal(Signal signal) => _process!.Signal(signal);

    /// <summary>Asks by one of ZooKeeper's words of four letters.</summary>
    public async Task<string> TellAsync(string word)
    {
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, _port, late.Token);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(word), late.Token);
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadToEndAsync(late.Token);
    }

    public Task DisposeAsync()
    {
        _process?.Dispose();
        _directory.Delete(recursive: true);
        return Task.CompletedTask;
    }

    public async Task<bool> ServesAsync()
    {
        try
        {
            return (await TellAsync("srvr")).Contains("Mode:", StringComparison.Ordinal);
        }
        catch (Exception fault) when (fault is SocketException or IOException or OperationCanceledException)
        {
            return false;
        }
    }
}

/// <summary>Skips where there is no ZooKeeper.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ZooKeeperFactAttribute : FactAttribute
{
    public ZooKeeperFactAttribute() => Skip = ZooKeeperServer.Missing;
}

/// <summary>Skips where there is no ZooKeeper or no kazoo.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KazooFactAttribute : FactAttribute
{
    public KazooFactAttribute() => Skip = ZooKeeperServer.Missing
        ?? (Directory.Exists("/usr/lib/python3/dist-packages/kazoo") ? null : "kazoo is not installed (apt-get install python3-kazoo)");
}

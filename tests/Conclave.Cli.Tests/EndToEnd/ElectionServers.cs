using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>Starts what elections are held on, among the processes of a test.</summary>
internal static class ElectionServers
{
    private const string ZooKeeperJar = "/usr/share/java/zookeeper.jar";

    /// <summary>Why there is no ZooKeeper to test with; null when there is.</summary>
    public static string? ZooKeeperMissing { get; } =
        File.Exists(ZooKeeperJar) && File.Exists("/usr/bin/java") ? null : "no ZooKeeper is installed (apt-get install zookeeper)";

    /// <summary>Our own server, on a Unix socket. Returns its endpoint.</summary>
    public static async Task<string> ServeAsync(LedPrograms programs)
    {
        var endpoint = $"unix://{Path.Combine(programs.Directory, "client")}";
        var peer = $"unix://{Path.Combine(programs.Directory, "peer")}";
        programs.Conclave("serve", "--data-dir", "data", "--listen-client-urls", endpoint, "--advertise-client-urls", endpoint, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", $"default={peer}", "--heartbeat-interval", "20", "--election-timeout", "200");
        await Waiting.UntilAsync("the server listens", () => File.Exists(Path.Combine(programs.Directory, "client")), () => "it does not");
        return endpoint;
    }

    /// <summary>Debian's etcd. Returns its endpoint.</summary>
    public static async Task<string> EtcdAsync(LedPrograms programs)
    {
        var port = LoopbackPorts.Free();
        var (clients, peers) = (Url(port), Url(LoopbackPorts.Free()));
        var etcd = programs.Other(
            "etcd", "--data-dir", "etcd", "--log-level", "error", "--listen-client-urls", clients, "--advertise-client-urls", clients,
            "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", "default=" + peers);
        await UntilAcceptsAsync(etcd, port);
        return clients;
    }

    /// <summary>Debian's ZooKeeper. Returns its endpoint.</summary>
    public static async Task<string> ZooKeeperAsync(LedPrograms programs)
    {
        // Below the ports that the system gives to clients: one that knocks before the server listens may be given that very port, and talks to itself.
        var port = Random.Shared.Next(12_000, 32_000);
        programs.Write("zoo.cfg", string.Create(CultureInfo.InvariantCulture, $"""
            tickTime=100
            minSessionTimeout=200
            maxSessionTimeout=3600000
            dataDir=zookeeper
            clientPortAddress=127.0.0.1
            clientPort={port}
            admin.enableServer=false
            4lw.commands.whitelist=*

            """));
        var server = programs.Other("/usr/bin/java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", ZooKeeperJar, "org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg");
        await Waiting.UntilAsync("ZooKeeper serves", () => ServesAsync(port), () => server.HasExited ? "it has ended" : "it does not answer");
        return string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}");
    }

    private static Task UntilAcceptsAsync(Process server, int port) => Waiting.UntilAsync(
        "the server listens",
        async () =>
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, port);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        },
        () => server.HasExited ? "it has ended" : "it does not");

    private static async Task<bool> ServesAsync(int port)
    {
        try
        {
            using var late = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port, late.Token);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes("srvr"), late.Token);
            using var reader = new StreamReader(client.GetStream());
            return (await reader.ReadToEndAsync(late.Token)).Contains("Mode:", StringComparison.Ordinal);
        }
        catch (Exception fault) when (fault is SocketException or IOException or OperationCanceledException)
        {
            return false;
        }
    }

    private static string Url(int port) => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}");
}

/// <summary>Skips where there is no ZooKeeper.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ZooKeeperFactAttribute : FactAttribute
{
    public ZooKeeperFactAttribute() => Skip = ElectionServers.ZooKeeperMissing;
}

/// <summary>Skips where there is no ZooKeeper.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ZooKeeperTheoryAttribute : TheoryAttribute
{
    public ZooKeeperTheoryAttribute() => Skip = ElectionServers.ZooKeeperMissing;
}

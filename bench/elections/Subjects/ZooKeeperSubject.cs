using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Conclave.Bench.Elections.Machine;
using Conclave.Bench.Elections.Rivals;

namespace Conclave.Bench.Elections.Subjects;

/// <summary>Debian's ZooKeeper, one server. Its tick is 100 ms, because it ends sessions only on ticks and takes none shorter than two of them.</summary>
internal sealed class ZooKeeperSubject : Subject
{
    private readonly int _port = Kernel.FreePort();
    private Child? _server;

    public override string Name => "zookeeper";

    public override string[] AddressOf(int number) => ["zookeeper", $"127.0.0.1:{_port}"];

    public override async Task StartAsync(Place place)
    {
        var directory = place.New(Name);
        await File.WriteAllLinesAsync(Path.Combine(directory, "zoo.cfg"),
        [
            "tickTime=100", "initLimit=100", "syncLimit=50", "minSessionTimeout=200", "maxSessionTimeout=60000",
            "dataDir=data", "clientPortAddress=127.0.0.1", $"clientPort={_port}", "admin.enableServer=false", "4lw.commands.whitelist=*",
        ]);
        _server = Child.Start(Name, "java", ["-Xmx512m", "-XX:+UseSerialGC", "-cp", "/usr/share/java/zookeeper.jar", "org.apache.zookeeper.server.quorum.QuorumPeerMain", "zoo.cfg"], directory);
        await UntilAsync(Name, _server, async () => (await TellAsync("srvr")).Contains("Mode:", StringComparison.Ordinal));
        Rival = await Rival.KazooAsync($"127.0.0.1:{_port}", directory);
    }

    public override async Task<int?> SessionsAsync()
    {
        const string Sessions = "zk_global_sessions\t";
        var line = (await TellAsync("mntr")).Split('\n').FirstOrDefault(line => line.StartsWith(Sessions, StringComparison.Ordinal));
        return line is null ? null : int.Parse(line[Sessions.Length..], CultureInfo.InvariantCulture);
    }

    public override ValueTask DisposeAsync()
    {
        _server?.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>By one of ZooKeeper's words of four letters; empty when it does not listen yet.</summary>
    private async Task<string> TellAsync(string word)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, _port);
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(word));
            using var reader = new StreamReader(client.GetStream());
            return await reader.ReadToEndAsync();
        }
        catch (Exception away) when (away is SocketException or IOException)
        {
            return "";
        }
    }
}

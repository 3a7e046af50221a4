namespace Conclave.Server.Tests;

[System.Runtime.Versioning.SupportedOSPlatform("linux")]
public sealed class OptionsTests
{
    private static readonly EtcdServerOptions Good = new() { Name = "a", DataDir = "/nonexistent/a", ListenPeerUrls = ["http://127.0.0.1:2380"] };

    public static TheoryData<string, EtcdServerOptions> Bad => new()
    {
        { "--listen-client-urls: 'http://0.0.0.0", Good with { ListenClientUrls = ["http://0.0.0.0:2379/x"] } },
        { "--insecure", Good with { ListenClientUrls = ["http://0.0.0.0:2379"] } },
        { "--insecure", Good with { ListenPeerUrls = ["http://10.1.2.3:2380"] } },
        { "TLS", Good with { ListenClientUrls = ["https://127.0.0.1:2379"] } },
        { "--listen-client-urls: is empty", Good with { ListenClientUrls = [] } },
        { "--name", Good with { Name = "" } },
        { "add a=http://127.0.0.1:2380", Good with { InitialCluster = "b=http://127.0.0.1:2380" } },
        { "must be equal", Good with { InitialCluster = "a=http://127.0.0.1:2381" } },
        { "is not name=url", Good with { InitialCluster = "http://127.0.0.1:2380" } },
        { "stands there twice", Good with { InitialCluster = "a=http://127.0.0.1:2380,b=http://127.0.0.1:2380" } },
        { "--initial-cluster-state", Good with { InitialClusterState = "old" } },
        { "begin with new", Good with { InitialClusterState = "existing" } },
        { "--election-timeout", Good with { ElectionTimeout = TimeSpan.FromMilliseconds(300) } },
        { "--heartbeat-interval", Good with { HeartbeatInterval = TimeSpan.Zero } },
        { "port 0", Good with { ListenPeerUrls = ["http://127.0.0.1:0"] } },
    };

    [Theory]
    [MemberData(nameof(Bad))]
    public void What_cannot_be_used_is_refused_in_one_line_that_names_it(string part, EtcdServerOptions options)
    {
        var refused = Assert.Throws<ServerOptionException>(() => ServerPlan.Of(options));

        Assert.Contains(part, refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refused.Message);
    }

    [Fact]
    public void Members_of_one_cluster_derive_the_same_ids()
    {
        const string Cluster = "a=http://127.0.0.1:2380,b=unix:///tmp/b";

        var a = ServerPlan.Of(Good with { InitialCluster = Cluster });
        var b = ServerPlan.Of(Good with { Name = "b", ListenPeerUrls = ["unix:///tmp/b"], InitialCluster = Cluster });

        Assert.Equal(a.Cluster, b.Cluster);
        Assert.Equal(a.Members.Select(member => member.Id), b.Members.Select(member => member.Id));
        Assert.NotEqual(a.Self.Id, b.Self.Id);
    }

    [Fact]
    public async Task A_port_in_use_is_refused_by_name_and_leaves_nothing_behind()
    {
        await using var cluster = await TestCluster.StartAsync();
        var directory = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());

        var refused = await Assert.ThrowsAsync<IOException>(() => EtcdServer.StartAsync(Good with { DataDir = directory, ListenClientUrls = [cluster.Endpoints[0]] }));

        Assert.Contains(cluster.Endpoints[0], refused.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(directory));
    }

    [Fact]
    public async Task A_unix_socket_is_for_its_owner_only_and_survives_a_dead_predecessor()
    {
        var directory = Directory.CreateTempSubdirectory("conclave-unix-");
        var socket = Path.Combine(directory.FullName, "d", "client.sock");
        var options = Good with
        {
            DataDir = Path.Combine(directory.FullName, "data"),
            ListenClientUrls = [$"unix://{socket}"],
            ListenPeerUrls = [$"unix://{directory.FullName}/peer"],
        };
        Directory.CreateDirectory(Path.GetDirectoryName(socket)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        using (var dead = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified))
        {
            dead.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(socket + ".old"));
            File.Move(socket + ".old", socket); // so that closing does not take the file away
        }

        await using (var server = await EtcdServer.StartAsync(options))
        {
            await using var client = new Wire.Etcd.EtcdClient(new Wire.Etcd.EtcdClientOptions { Endpoints = [$"unix://{socket}"], RequestTimeout = TestCluster.Deadline });
            await client.PutAsync(new Wire.Etcd.PutRequest { Key = TestCluster.Text("k") });
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(socket));
        }

        Assert.False(File.Exists(socket));
        directory.Delete(recursive: true);
    }
}

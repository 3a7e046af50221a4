using Conclave.Server.Services;
using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Server.Tests;

/// <summary>Servers in this process: clients over TCP on free ports, peers over Unix sockets, data in a directory of their own.</summary>
internal sealed class TestCluster : IAsyncDisposable
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conclave-server-");
    private readonly EtcdServer?[] _servers;
    private readonly string[] _endpoints;
    private readonly WatchLimits _watches;

    private TestCluster(int members, WatchLimits watches)
    {
        _servers = new EtcdServer?[members];
        _endpoints = new string[members];
        _watches = watches;
    }

    public IReadOnlyList<string> Endpoints => _endpoints;

    public static async Task<TestCluster> StartAsync(int members = 1, WatchLimits? watches = null)
    {
        var cluster = new TestCluster(members, watches ?? new WatchLimits());
        for (var i = 0; i < members; i++) await cluster.StartMemberAsync(i);
        await using var client = cluster.NewClient();
        await client.RangeAsync(new RangeRequest { Key = Text("ready") });
        return cluster;
    }

    public EtcdServer Server(int member) => _servers[member]!;

    public int Leader => Array.FindIndex(_servers, server => server?.Member.Standing.Established == true);

    public EtcdClient NewClient(params int[] members) => new(new EtcdClientOptions
    {
        Endpoints = members.Length == 0 ? _endpoints : [.. members.Select(i => _endpoints[i])],
        RequestTimeout = TimeSpan.FromSeconds(20),
    });

    public async Task StartMemberAsync(int member)
    {
        _servers[member] = await EtcdServer.StartAsync(OptionsOf(member));
        _endpoints[member] = _servers[member]!.ClientUrls[0];
    }

    public async Task StopMemberAsync(int member)
    {
        await _servers[member]!.DisposeAsync();
        _servers[member] = null;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            if (server is not null) await server.DisposeAsync();
        }

        _directory.Delete(recursive: true);
    }

    public static ByteString Text(string text) => ByteString.CopyFromUtf8(text);

    private EtcdServerOptions OptionsOf(int member) => new()
    {
        Name = $"m{member}",
        DataDir = Path.Combine(_directory.FullName, $"m{member}"),
        ListenClientUrls = [_endpoints[member] ?? "http://127.0.0.1:0"],
        ListenPeerUrls = [PeerUrl(member)],
        InitialCluster = string.Join(',', Enumerable.Range(0, _servers.Length).Select(i => $"m{i}={PeerUrl(i)}")),
        HeartbeatInterval = TimeSpan.FromMilliseconds(50),
        ElectionTimeout = TimeSpan.FromMilliseconds(500),
        Watches = _watches,
    };

    private string PeerUrl(int member) => $"unix://{_directory.FullName}/p{member}";
}

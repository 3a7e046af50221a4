using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Conclave.Wire.Etcd;

namespace Conclave.Wire.Tests.Etcd;

/// <summary>One member of Debian's etcd in a directory of its own. Stopping and starting it again keeps its data and its addresses.</summary>
public sealed class RealEtcd : IAsyncDisposable
{
    private const string Program = "/usr/bin/etcd";
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conclave-etcd-");
    private readonly string _peer = $"http://127.0.0.1:{FreePort()}";
    private Process? _process;

    public static bool IsInstalled => File.Exists(Program);

    public string Endpoint { get; } = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{FreePort()}");

    public static async Task<RealEtcd> StartNewAsync()
    {
        var etcd = new RealEtcd();
        await etcd.StartAsync();
        return etcd;
    }

    public async Task StartAsync()
    {
        var start = new ProcessStartInfo(Program) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var argument in new[]
        {
            "--name", "a", "--data-dir", Path.Combine(_directory.FullName, "data"), "--listen-client-urls", Endpoint, "--advertise-client-urls", Endpoint,
            "--listen-peer-urls", _peer, "--initial-advertise-peer-urls", _peer, "--initial-cluster", $"a={_peer}", "--log-level", "error",
            "--unsafe-no-fsync", "--heartbeat-interval", "20", "--election-timeout", "200",
        }) start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, _) => { };
        _process.ErrorDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [Endpoint], RequestTimeout = TimeSpan.FromSeconds(30) });
        await client.RangeAsync(new RangeRequest { Key = Google.Protobuf.ByteString.CopyFromUtf8("ready") });
    }

    /// <summary>kill -9 and gone.</summary>
    public async Task KillAsync()
    {
        if (_process is null) return;
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _directory.Delete(recursive: true);
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}

/// <summary>One etcd for the tests of a class that do not stop it.</summary>
public sealed class SharedEtcd : IAsyncLifetime
{
    private RealEtcd? _etcd;

    public string Endpoint => _etcd!.Endpoint;

    public EtcdClient NewClient(params string[] before) => new(new EtcdClientOptions { Endpoints = [.. before, Endpoint], RequestTimeout = TimeSpan.FromSeconds(20) });

    public async Task InitializeAsync() => _etcd = await RealEtcd.StartNewAsync();

    public async Task DisposeAsync()
    {
        if (_etcd is not null) await _etcd.DisposeAsync();
    }
}

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Conclave.Contract;

namespace Conclave.Etcd.Tests;

/// <summary>
/// A server in a process of its own on a Unix socket in a directory of its own, so that tests need no port: it can be killed and started again on its data, stopped and continued.
/// </summary>
public abstract class ElectionServer : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conclave-election-");
    private RunningProcess? _process;

    /// <summary>As etcdctl takes it, run in <see cref="Folder"/>. From an absolute path it would make an HTTP/2 authority that Kestrel refuses.</summary>
    public const string EndpointInFolder = "unix://client:1";

    /// <summary>As our client takes it.</summary>
    public string Endpoint => $"unix://{Path.Combine(Folder, "client:1")}";

    public EndPoint Socket => new UnixDomainSocketEndPoint(Path.Combine(Folder, "client:1"));

    public string Folder => _directory.FullName;

    public async Task StartAsync()
    {
        var (program, arguments) = Command();
        _process = new RunningProcess(program, arguments, Folder);
        var started = Stopwatch.GetTimestamp();
        while (!await AnswersAsync())
        {
            Assert.False(_process.HasExited, $"the server ended:\n{_process.Output}");
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, $"the server does not answer:\n{_process.Output}");
        }
    }

    public async Task KillAsync()
    {
        Signal(Contract.Signal.Kill);
        await _process!.ExitAsync();
        _process.Dispose();

        // The socket file outlives a killed server, and binding to it again would fail.
        foreach (var socket in _directory.EnumerateFiles("*:1"))
            socket.Delete();
    }

    internal void Signal(Signal signal) => _process!.Signal(signal);

    public ValueTask DisposeAsync()
    {
        _process?.Dispose();
        _directory.Delete(recursive: true);
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>To be run in <see cref="Folder"/>: listens on <c>client:1</c>, keeps its data in <c>data</c>.</summary>
    protected abstract (string Program, string[] Arguments) Command();

    private async Task<bool> AnswersAsync()
    {
        using var probe = new RunningProcess("etcdctl", ["--endpoints", EndpointInFolder, "--command-timeout", "500ms", "get", "probe"], Folder);
        await probe.ExitAsync();
        return probe.Output.Length == 0;
    }
}

/// <summary>The etcd of the distribution.</summary>
public sealed class DebianEtcd : ElectionServer
{
    protected override (string Program, string[] Arguments) Command() => ("etcd",
    [
        "--name", "one", "--data-dir", "data",
        "--listen-client-urls", "unix://client:1", "--advertise-client-urls", "unix://client:1",
        "--listen-peer-urls", "unix://peer:1", "--initial-advertise-peer-urls", "unix://peer:1", "--initial-cluster", "one=unix://peer:1",
        "--heartbeat-interval", "20", "--election-timeout", "200", // makes leases of 1 s possible
    ]);
}

/// <summary>Our own, as <c>conclave serve</c>.</summary>
public sealed class OwnServer : ElectionServer
{
    protected override (string Program, string[] Arguments) Command() => (Built(),
    [
        "serve", "--name", "one", "--data-dir", "data",
        "--listen-client-urls", Endpoint, "--advertise-client-urls", Endpoint,
        "--listen-peer-urls", Peer, "--initial-advertise-peer-urls", Peer, "--initial-cluster", $"one={Peer}",
        "--heartbeat-interval", "20", "--election-timeout", "200",
    ]);

    private string Peer => $"unix://{Path.Combine(Folder, "peer:1")}";

    private static string Built()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory); // bin/Conclave.Etcd.Tests/debug/
        var path = Path.Combine(own.Parent!.Parent!.FullName, "Conclave.Cli", own.Name, "Conclave.Cli");
        return File.Exists(path) ? path : throw new FileNotFoundException("Build the program first: it is the server that these tests run.", path);
    }
}

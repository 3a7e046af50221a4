using System.Net.Sockets;
using Conclave.Etcd;
using Conclave.Orchestration;
using Conclave.Wire.Etcd;

namespace Conclave.Cli.Demo;

/// <summary>The coordination server of the demo, a relay to it for each instance, and an observer of the election.</summary>
internal sealed class Coordination : IAsyncDisposable
{
    public const string Election = "billing/dialer";

    // sun_path of Linux, less its closing zero.
    private const int SocketPathCharsMax = 107;

    private readonly CancellationTokenSource _closing = new();
    private readonly List<Relay> _relays = [];
    private readonly string _directory;
    private readonly string _socket;
    private Task _observing = Task.CompletedTask;

    private Coordination(string directory)
    {
        _directory = directory;
        _socket = PathOf("server.sock");
    }

    public Reigns Reigns { get; } = new();

    /// <summary>Starts the server and returns when it listens.</summary>
    public static async Task<Coordination> StartAsync(DemoProcesses processes, string directory, int instances, CancellationToken stopping)
    {
        var started = new Coordination(directory);
        try
        {
            await started.StartServerAsync(processes, stopping);
            for (var number = 1; number <= instances; number++)
                started._relays.Add(new Relay(started.PathOf($"relay-{number}.sock"), started._socket));
            started._observing = started.ObserveAsync(started._closing.Token);
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>The network of an instance; they are numbered from 1.</summary>
    public Relay RelayOf(int instance) => _relays[instance - 1];

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _observing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var relay in _relays)
            await relay.DisposeAsync();
        _closing.Dispose();
    }

    private async Task StartServerAsync(DemoProcesses processes, CancellationToken stopping)
    {
        var (client, peer) = ("unix://" + _socket, "unix://" + PathOf("peer.sock"));
        processes.StartSelf("server", _directory,
            "serve", "--data-dir", Path.Combine(_directory, "server"), "--listen-client-urls", client, "--advertise-client-urls", client, "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", $"default={peer}", "--heartbeat-interval", "20", "--election-timeout", "200");
        await Waits.UntilAsync("the coordination server listens", async () =>
        {
            await processes.RequireAliveAsync();
            return Listens();
        }, stopping);
    }

    private bool Listens()
    {
        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(_socket));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private async Task ObserveAsync(CancellationToken closing)
    {
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = ["unix://" + _socket] });
        await using var session = new EtcdSession(client, new EtcdSessionOptions());
        await using var election = new EtcdElection(session, Election);
        await foreach (var leader in election.ObserveAsync(closing))
            Reigns.Add(leader);
    }

    private string PathOf(string file)
    {
        var path = Path.Combine(_directory, file);
        return path.Length <= SocketPathCharsMax
            ? path
            : throw new ConclaveException($"{path} is too long for a Unix socket ({SocketPathCharsMax} characters); name a shorter directory with --directory", ExitCode.Usage);
    }
}

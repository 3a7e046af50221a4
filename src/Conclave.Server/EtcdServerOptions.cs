using Conclave.Server.Hosting;
using Conclave.Server.Services;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Conclave.Server;

/// <summary>Settings of a server: one property per flag of etcd that it takes, with etcd's defaults. URLs are <c>http://host:port</c> or <c>unix:///path</c>.</summary>
public sealed record EtcdServerOptions
{
    /// <summary><c>--name</c>. For people; unique in the cluster. Default <c>default</c>.</summary>
    public string Name { get; init; } = "default";

    /// <summary><c>--data-dir</c>. Default <c>NAME.etcd</c> in the working directory.</summary>
    public string? DataDir { get; init; }

    /// <summary><c>--listen-client-urls</c>. Port 0 takes a free one. Default <c>http://127.0.0.1:2379</c>.</summary>
    public IReadOnlyList<string> ListenClientUrls { get; init; } = ["http://127.0.0.1:2379"];

    /// <summary><c>--advertise-client-urls</c>, told to clients by MemberList. Default: what is listened on.</summary>
    public IReadOnlyList<string>? AdvertiseClientUrls { get; init; }

    /// <summary><c>--listen-peer-urls</c>. Default <c>http://127.0.0.1:2380</c>.</summary>
    public IReadOnlyList<string> ListenPeerUrls { get; init; } = ["http://127.0.0.1:2380"];

    /// <summary><c>--initial-advertise-peer-urls</c>; the member's id comes from it. Default: <see cref="ListenPeerUrls"/>.</summary>
    public IReadOnlyList<string>? InitialAdvertisePeerUrls { get; init; }

    /// <summary><c>--initial-cluster</c>: <c>name=url,name=url</c>; a name may come several times, once for each of its URLs. Default: this member alone.</summary>
    public string? InitialCluster { get; init; }

    /// <summary><c>--initial-cluster-state</c>: <c>new</c> or <c>existing</c>. Default <c>new</c>.</summary>
    public string InitialClusterState { get; init; } = "new";

    /// <summary><c>--initial-cluster-token</c>: tells clusters apart that were made from the same URLs. Default <c>etcd-cluster</c>.</summary>
    public string InitialClusterToken { get; init; } = "etcd-cluster";

    /// <summary><c>--heartbeat-interval</c>. Default 100 ms.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary><c>--election-timeout</c>; at least five heartbeats, at most 50 s. Default 1 s.</summary>
    public TimeSpan ElectionTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary><c>--max-request-bytes</c>. Default 1.5 MiB.</summary>
    public int MaxRequestBytes { get; init; } = 3 << 19;

    /// <summary><c>--max-txn-ops</c>. Default 128.</summary>
    public int MaxTxnOps { get; init; } = 128;

    /// <summary><c>--insecure</c>, ours: serve cleartext beyond this machine. Default off.</summary>
    public bool Insecure { get; init; }

    /// <summary>What watches may take.</summary>
    public WatchLimits Watches { get; init; } = new();

    /// <summary>What connections may take.</summary>
    public HttpServerLimits Connections { get; init; } = new();

    /// <summary>Where lines go. Default nowhere.</summary>
    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;
}

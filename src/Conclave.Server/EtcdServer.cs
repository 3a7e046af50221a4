using Conclave.Runtime;
using Conclave.Server.Hosting;
using Conclave.Server.Services;
using Conclave.Store;
using Conclave.Wire.Grpc;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Conclave.Server;

/// <summary>A member of a cluster that speaks etcd v3 to clients, over gRPC and plain HTTP on the same ports. Thread-safe.</summary>
public sealed class EtcdServer : IAsyncDisposable
{
    // What Go's gRPC adds to the limit of a request, so that the refusal can be etcd's own and not the transport's.
    private const int GrpcOverheadBytes = 512 << 10;

    private static readonly TimeSpan HealthTimeout = TimeSpan.FromSeconds(5);

    private readonly CancellationTokenSource _stopping = new();
    private readonly HttpServer _http;
    private readonly LeaderClient _leader;
    private readonly Task _monitoring;
    private int _disposed;

    private EtcdServer(EtcdServerOptions options, LocalMember member, HttpServer http)
    {
        Member = member;
        _http = http;
        ClientUrls = http.Urls;
        _leader = new LeaderClient(member, options.ElectionTimeout * 3);
        var leaders = new LeaderMonitor(member, options.ElectionTimeout * 3, TimeProvider.System);
        _monitoring = leaders.RunAsync(_stopping.Token);

        var router = new GrpcRouter(
            new GrpcServerOptions { RequestBytesMax = options.MaxRequestBytes + GrpcOverheadBytes, StoppedText = EtcdErrors.StoppedText },
            options.Loggers.CreateLogger("Conclave.Server"),
            _stopping.Token);
        var map = new EtcdMethodMap(router, member, leaders);
        var limits = new StoreLimits { TxnOps = options.MaxTxnOps, LeaseTtlMin = (long)Math.Ceiling(1.5 * options.ElectionTimeout.TotalSeconds) };
        new KvService(map, limits, options.MaxRequestBytes).Map();
        new LeaseService(map, limits, _leader).Map();
        new WatchService(map, options.Watches).Map();
        new ClusterService(map).Map();
        new MaintenanceService(map).Map();
        var plain = new HttpEndpoints(member, HealthTimeout);
        Handler = http2 => IsGrpc(http2.Request) ? router.HandleAsync(http2) : plain.HandleAsync(http2, _stopping.Token);
    }

    /// <summary>The member behind it.</summary>
    public LocalMember Member { get; }

    /// <summary>Where clients are served, with the ports that the system chose.</summary>
    public IReadOnlyList<string> ClientUrls { get; }

    /// <summary>Ends when the member does; it faults when the member can no longer be trusted, and then the process must end with an error.</summary>
    public Task Completion => Member.Completion;

    private RequestDelegate Handler { get; }

    /// <summary>Starts a member and serves clients. There need not be a leader yet: requests wait for one.</summary>
    /// <exception cref="ServerOptionException">An option cannot be used.</exception>
    /// <exception cref="IOException">An address is in use.</exception>
    /// <remarks>And what <see cref="LocalMember.StartAsync"/> throws for the data directory.</remarks>
    public static async Task<EtcdServer> StartAsync(EtcdServerOptions options, CancellationToken cancellation = default)
    {
        var plan = ServerPlan.Of(options);

        // First the addresses: they tell a second start from the first before it touches anything on disk, and port 0 gets its number.
        var http = await HttpServer.BindAsync(plan.ListenClient, options.Connections, options.Loggers, cancellation);
        LocalMember? member = null;
        try
        {
            member = await LocalMember.StartAsync(MemberOptions(options, plan, http), cancellation);
            var server = new EtcdServer(options, member, http);
            await http.ServeAsync(server.Handler, cancellation);
            return server;
        }
        catch
        {
            if (member is not null) await member.DisposeAsync();
            await http.DisposeAsync();
            throw;
        }
    }

    /// <summary>Serves until <paramref name="stopping"/>, or throws what ended the member.</summary>
    public static async Task RunAsync(EtcdServerOptions options, CancellationToken stopping)
    {
        await using var server = await StartAsync(options, stopping);
        try
        {
            await server.Completion.WaitAsync(stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Asked to stop.
        }
    }

    /// <summary>Stops: calls under way hear "server stopped", connections close, then the member ends. Takes well under a second.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _stopping.CancelAsync();
        await _http.DisposeAsync();
        await Member.DisposeAsync();
        await _monitoring.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _leader.Dispose();
        _stopping.Dispose();
    }

    private static LocalMemberOptions MemberOptions(EtcdServerOptions options, ServerPlan plan, HttpServer http) => new()
    {
        Id = plan.Self.Id,
        Cluster = plan.Cluster,
        Members = plan.Members,
        DataDirectory = plan.DataDirectory,
        ListenPeerUrls = options.ListenPeerUrls,
        ClientUrls = plan.AdvertiseClient ?? http.Urls,
        HeartbeatInterval = options.HeartbeatInterval,
        ElectionTimeout = options.ElectionTimeout,
        Logger = options.Loggers.CreateLogger("Conclave.Runtime"),
    };

    private static bool IsGrpc(HttpRequest request) =>
        HttpProtocol.IsHttp2(request.Protocol) && (HttpMethods.IsPost(request.Method) || request.ContentType?.StartsWith("application/grpc", StringComparison.Ordinal) == true);
}

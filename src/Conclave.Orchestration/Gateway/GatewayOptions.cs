using System.Net;

namespace Conclave.Orchestration.Gateway;

/// <summary>What a gateway is started with. Checked once by <see cref="Validate"/> when it starts.</summary>
public sealed record GatewayOptions
{
    /// <summary>
    /// Where clients connect: inherited sockets, addresses or both; at least one. Several gateways that inherit one socket share its
    /// queue of new connections, so a stopped one takes none with it.
    /// </summary>
    public required IReadOnlyList<GatewayListen> Listen { get; init; }

    /// <summary>
    /// Path of a Unix socket that answers <c>GET /health</c> (200 while serving, 503 while draining) and <c>GET /stats</c> (JSON of
    /// <see cref="GatewayStats"/>). A file left by an earlier process is replaced. Null (the default): no control socket.
    /// </summary>
    public string? ControlSocketPath { get; init; }

    /// <summary>Name in <c>Via</c>, logs and statistics. Default "gateway".</summary>
    public string Name { get; init; } = "gateway";

    /// <summary>Bounds on what one client and all clients may use.</summary>
    public GatewayLimits Limits { get; init; } = new();

    /// <summary>When a request is tried again at another instance.</summary>
    public GatewayRetryOptions Retry { get; init; } = new();

    /// <summary>How an instance is found to be dead or stopped, and back again.</summary>
    public GatewayProbeOptions Probe { get; init; } = new();

    /// <summary>Null (the default): no access log.</summary>
    public GatewayAccessLogOptions? AccessLog { get; init; }

    /// <summary>
    /// Whether incoming <c>X-Forwarded-*</c> headers are believed and extended. Default false: they are replaced, since any client can
    /// send them. True only behind another proxy that sets them.
    /// </summary>
    public bool TrustForwardedHeaders { get; init; }

    /// <summary>How long requests in flight may go on once the gateway is asked to stop; then what is open is closed. Default 20 s.</summary>
    public TimeSpan DrainGrace { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Throws <see cref="ArgumentException"/> that names the first option that is out of range.</summary>
    public void Validate()
    {
        Require(Listen.Count > 0, nameof(Listen), "needs at least one socket or address");
        Positive(DrainGrace, nameof(DrainGrace));
        Limits.Validate();
        Retry.Validate();
        Probe.Validate();
        AccessLog?.Validate();
    }

    internal static void Positive(TimeSpan value, string name)
    {
        Require(value > TimeSpan.Zero, name, "must be longer than zero");
    }

    internal static void Positive(long value, string name)
    {
        Require(value > 0, name, "must be more than zero");
    }

    internal static void Require(bool holds, string option, string rule)
    {
        if (!holds) throw new ArgumentException($"The gateway's option {option} {rule}.", option);
    }
}

/// <summary>One place where clients connect.</summary>
/// <remarks>
/// Cleartext cannot carry HTTP/1 and HTTP/2 on one port (without TLS nothing announces the version), so a listener is one or the other.
/// </remarks>
public abstract record GatewayListen
{
    private GatewayListen() { }

    /// <summary>HTTP/2 with prior knowledge instead of HTTP/1.1. Default false. WebSockets need HTTP/1.1 here.</summary>
    public bool Http2 { get; init; }

    /// <summary>A listening TCP socket inherited from the parent process; the gateway owns and closes its copy.</summary>
    public sealed record Descriptor(int Number) : GatewayListen;

    /// <summary>An address that the gateway binds itself; port 0 takes any free one.</summary>
    public sealed record Address(IPEndPoint EndPoint) : GatewayListen;
}

/// <summary>Bounds on what one client and all clients may use.</summary>
public sealed record GatewayLimits
{
    /// <summary>Bytes; more is answered 413. Default 100 MiB.</summary>
    public long RequestBodyBytes { get; init; } = 100L << 20;

    /// <summary>Bytes of all request headers together; more is answered 431. Default 32 KiB.</summary>
    public int RequestHeaderBytes { get; init; } = 32 << 10;

    /// <summary>Requests in flight in this gateway; more are answered 503 with Retry-After. Default 10,000.</summary>
    public int ConcurrentRequests { get; init; } = 10_000;

    /// <summary>Open client connections; more are closed at once. Default 20,000.</summary>
    public long ConcurrentConnections { get; init; } = 20_000;

    /// <summary>Requests that may wait at the same time for an instance to come back; more are answered 503. Default 2,000.</summary>
    public int WaitingRequests { get; init; } = 2_000;

    /// <summary>From sending a request to an instance until its answer begins; then 504. Default 60 s.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long a body, a WebSocket or an event stream may be silent before it is cut. Default 10 min.</summary>
    public TimeSpan StreamIdleTimeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How long a client may keep an unused connection open. Default 2 min.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a client may take to send its request headers. Default 15 s.</summary>
    public TimeSpan RequestHeadersTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>For a connection to an instance. Default 1 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long an unused connection to an instance is kept. Default 60 s.</summary>
    public TimeSpan InstanceIdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    internal void Validate()
    {
        GatewayOptions.Positive(RequestBodyBytes, nameof(RequestBodyBytes));
        GatewayOptions.Positive(RequestHeaderBytes, nameof(RequestHeaderBytes));
        GatewayOptions.Positive(ConcurrentRequests, nameof(ConcurrentRequests));
        GatewayOptions.Positive(ConcurrentConnections, nameof(ConcurrentConnections));
        GatewayOptions.Positive(WaitingRequests, nameof(WaitingRequests));
        GatewayOptions.Positive(AnswerTimeout, nameof(AnswerTimeout));
        GatewayOptions.Positive(StreamIdleTimeout, nameof(StreamIdleTimeout));
        GatewayOptions.Positive(KeepAliveTimeout, nameof(KeepAliveTimeout));
        GatewayOptions.Positive(RequestHeadersTimeout, nameof(RequestHeadersTimeout));
        GatewayOptions.Positive(ConnectTimeout, nameof(ConnectTimeout));
        GatewayOptions.Positive(InstanceIdleTimeout, nameof(InstanceIdleTimeout));
    }
}

/// <summary>When a request is tried again at another instance.</summary>
public sealed record GatewayRetryOptions
{
    /// <summary>Tries of one request, the first included. Default 4.</summary>
    public int Attempts { get; init; } = 4;

    /// <summary>Retries allowed per request seen in the last ten seconds, so that retries cannot multiply an overload. Default 0.2.</summary>
    public double BudgetRatio { get; init; } = 0.2;

    /// <summary>Retries per second that are allowed on top, for gateways with few requests. Default 10.</summary>
    public int BudgetPerSecond { get; init; } = 10;

    /// <summary>Bytes of a request body that are kept so that it can be sent again; a longer body that has begun is not retried. Default 64 KiB.</summary>
    public int BodyBytes { get; init; } = 64 << 10;

    /// <summary>How long a request waits for an instance when all are out, before 503. Default 2 s; zero fails at once.</summary>
    public TimeSpan Wait { get; init; } = TimeSpan.FromSeconds(2);

    internal void Validate()
    {
        GatewayOptions.Positive(Attempts, nameof(Attempts));
        GatewayOptions.Require(BudgetRatio is >= 0 and <= 10, nameof(BudgetRatio), "must be between 0 and 10");
        GatewayOptions.Require(BudgetPerSecond >= 0, nameof(BudgetPerSecond), "must not be negative");
        GatewayOptions.Require(BodyBytes is >= 0 and <= 16 << 20, nameof(BodyBytes), "must be between 0 and 16 MiB");
        GatewayOptions.Require(Wait >= TimeSpan.Zero, nameof(Wait), "must not be negative");
    }
}

/// <summary>How an instance is found to be dead or stopped, and back again.</summary>
public sealed record GatewayProbeOptions
{
    /// <summary>An instance with unanswered requests that has sent no byte for this long is asked whether it lives. Default 300 ms.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>For one probe. Default 200 ms.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Probes in a row without an answer that take a silent instance out. Default 2.</summary>
    public int Timeouts { get; init; } = 2;

    /// <summary>
    /// The shortest pause between two probes of an instance that is out; it grows to a twentieth of the time that the instance has been
    /// out, at most <see cref="IntervalMax"/>. Default 50 ms.
    /// </summary>
    public TimeSpan IntervalMin { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Default 1 s.</summary>
    public TimeSpan IntervalMax { get; init; } = TimeSpan.FromSeconds(1);

    internal void Validate()
    {
        GatewayOptions.Positive(Silence, nameof(Silence));
        GatewayOptions.Positive(Timeout, nameof(Timeout));
        GatewayOptions.Positive(Timeouts, nameof(Timeouts));
        GatewayOptions.Positive(IntervalMin, nameof(IntervalMin));
        GatewayOptions.Require(IntervalMax >= IntervalMin, nameof(IntervalMax), "must not be shorter than IntervalMin");
    }
}

/// <summary>One line per request, written in batches off the path of the request; lines that do not fit the buffer are counted and dropped.</summary>
public sealed record GatewayAccessLogOptions
{
    /// <summary>The file that is appended to. At <see cref="FileBytes"/> it is renamed to the same name with ".1", replacing the last one.</summary>
    public required string Path { get; init; }

    /// <summary>Bytes; on disk is at most twice this. Default 32 MiB.</summary>
    public long FileBytes { get; init; } = 32L << 20;

    /// <summary>Lines that may wait to be written. Default 16,384.</summary>
    public int BufferLines { get; init; } = 16_384;

    /// <summary>The pause between two batches. Default 200 ms.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromMilliseconds(200);

    internal void Validate()
    {
        GatewayOptions.Require(Path.Length > 0, nameof(Path), "must not be empty");
        GatewayOptions.Positive(FileBytes, nameof(FileBytes));
        GatewayOptions.Positive(BufferLines, nameof(BufferLines));
        GatewayOptions.Positive(Interval, nameof(Interval));
    }
}

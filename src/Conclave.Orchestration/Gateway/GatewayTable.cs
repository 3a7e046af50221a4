using System.Collections.Immutable;

namespace Conclave.Orchestration.Gateway;

/// <summary>Everything a gateway knows about where requests may go: one immutable picture, replaced as a whole.</summary>
/// <remarks>
/// Whoever writes tables lists an instance until its exit was reported (DESIGN 5.9): a lost observation is not a death.
/// The gateway keeps the last table for as long as no newer one comes.
/// </remarks>
public sealed record GatewayTable
{
    /// <summary>A table without routes: every request is answered 404.</summary>
    public static GatewayTable Empty { get; } = new();

    /// <summary>Grows with every change; a table that is older than the current one is ignored. Equal is applied again. Default 0.</summary>
    public long Version { get; init; }

    /// <summary>In any order: the most specific route wins, host before path, then the longest prefix.</summary>
    public ImmutableArray<GatewayRoute> Routes { get; init; } = [];

    /// <summary>The services that routes point at. A route to a service that is missing here is answered 503.</summary>
    public ImmutableArray<GatewayService> Services { get; init; } = [];
}

/// <summary>Sends what matches to one service.</summary>
public sealed record GatewayRoute
{
    /// <summary>The host of the request without its port, compared without case; null (the default) matches any host.</summary>
    public string? Host { get; init; }

    /// <summary>Starts with '/'. Matches whole segments: "/api" matches "/api" and "/api/x" but not "/apix". Default "/".</summary>
    public string PathPrefix { get; init; } = "/";

    /// <summary>A <see cref="GatewayService.Name"/>.</summary>
    public required string Service { get; init; }
}

/// <summary>One service and the instances that a gateway may use for it.</summary>
public sealed record GatewayService
{
    /// <summary>As in the user's file, for example "web".</summary>
    public required string Name { get; init; }

    /// <summary>Ready and draining ones; those that are starting or gone are not listed.</summary>
    public ImmutableArray<GatewayInstance> Instances { get; init; } = [];
}

/// <summary>Whether an instance gets new requests.</summary>
public enum GatewayInstanceState
{
    /// <summary>Gets new requests.</summary>
    Ready,

    /// <summary>Gets no new requests; those in flight run to their end.</summary>
    Draining,
}

/// <summary>One process that answers requests.</summary>
public sealed record GatewayInstance
{
    /// <summary>For example "web/2"; unique within a table.</summary>
    public required string Id { get; init; }

    /// <summary>An address or a name that resolves to one. Default "127.0.0.1".</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The TCP port that speaks HTTP/1.1.</summary>
    public required int Port { get; init; }

    /// <summary>Default <see cref="GatewayInstanceState.Ready"/>.</summary>
    public GatewayInstanceState State { get; init; } = GatewayInstanceState.Ready;

    /// <summary>
    /// Differs between two processes that bear the same id one after the other (any number will do: a start count, a pid).
    /// A changed value is the exit of the old process and the arrival of a new one, also when no table in between said so. Default 0.
    /// </summary>
    public long Incarnation { get; init; }

    /// <summary>
    /// The path of the instance's HTTP ready probe, for example "/readyz". Null (the default) when it has none; the gateway then asks
    /// "OPTIONS *", HTTP's own ping (RFC 9110, 9.3.7), and takes any answer for a sign of life: a mere connect would be accepted by the
    /// kernel even for a stopped process.
    /// </summary>
    public string? ReadyPath { get; init; }
}

using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Conclave.Orchestration.Model;

/// <summary>One rule of the gateway: requests for a host and below a path go to a service.</summary>
/// <param name="Host">Host name without port, compared without case; null matches every host.</param>
/// <param name="Path">Path prefix on whole segments, begins with <c>/</c>; the longest match wins, a rule with a host before one without.</param>
/// <param name="Service">Name of a service of the same file.</param>
public sealed record RouteSpec(string? Host, string Path, string Service);

/// <summary>The balancer in front of the services. Equal by value.</summary>
public sealed record GatewaySpec
{
    /// <summary>No gateway at all.</summary>
    public static GatewaySpec None { get; } = new() { Replicas = 0 };

    /// <summary>
    /// The scheme of an address at which clients speak HTTP/2 without TLS, from the first byte (prior knowledge). Without TLS nothing announces the version, so HTTP/1.1 and HTTP/2 each need
    /// an address of their own.
    /// </summary>
    public const string Http2Scheme = "h2c";

    /// <summary>URLs such as <c>http://127.0.0.1:8080</c> (HTTP/1.1) or <c>h2c://127.0.0.1:8081</c> (HTTP/2); every gateway process shares these sockets.</summary>
    [JsonRequired]
    public ImmutableArray<string> Listen { get; init; } = [];

    /// <summary>In the order of the file.</summary>
    [JsonRequired]
    public ImmutableArray<RouteSpec> Routes { get; init; } = [];

    /// <summary>Gateway processes. Default 2, so that one may die.</summary>
    [JsonRequired]
    public int Replicas { get; init; } = 2;

    /// <summary>Largest request body in bytes; beyond it 413. Default 30 MB, Kestrel's own.</summary>
    [JsonRequired]
    public long MaxRequestBodyBytes { get; init; } = 30_000_000;

    /// <summary>Connections of clients at the same time and per process; beyond it new ones are closed. Default 10,000.</summary>
    [JsonRequired]
    public int MaxConnections { get; init; } = 10_000;

    /// <summary>A request without progress for that long is ended with 504. Default 100 s, YARP's own.</summary>
    [JsonRequired]
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(100);

    /// <summary>Whether clients speak HTTP/2 at an address of <see cref="Listen"/>.</summary>
    public static bool IsHttp2(string url) => url.StartsWith(Http2Scheme + "://", StringComparison.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public bool Equals(GatewaySpec? other) =>
        other is not null && Listen.SequenceEqual(other.Listen) && Routes.SequenceEqual(other.Routes) && Replicas == other.Replicas
        && MaxRequestBodyBytes == other.MaxRequestBodyBytes && MaxConnections == other.MaxConnections && RequestTimeout == other.RequestTimeout;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Listen.Length, Routes.Length, Replicas, MaxConnections);
}

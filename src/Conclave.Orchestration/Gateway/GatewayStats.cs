using System.Collections.Immutable;

namespace Conclave.Orchestration.Gateway;

/// <summary>What <c>GET /stats</c> answers, in camel case. Counters run since the process started.</summary>
public sealed record GatewayStats
{
    /// <summary>From <see cref="GatewayOptions.Name"/>.</summary>
    public required string Name { get; init; }

    /// <summary>Of this process.</summary>
    public required int Pid { get; init; }

    /// <summary>True once the gateway was asked to stop.</summary>
    public required bool Draining { get; init; }

    /// <summary>Of the table in use.</summary>
    public required long TableVersion { get; init; }

    /// <summary>Mean of the last ten seconds.</summary>
    public required double RequestsPerSecond { get; init; }

    /// <summary>All requests that arrived.</summary>
    public required long Requests { get; init; }

    /// <summary>Requests being answered now.</summary>
    public required int InFlight { get; init; }

    /// <summary>Requests that wait for an instance to come back.</summary>
    public required int Waiting { get; init; }

    /// <summary>Tries beyond the first.</summary>
    public required long Retries { get; init; }

    /// <summary>Retries that the budget refused.</summary>
    public required long RetriesRefused { get; init; }

    /// <summary>Access log lines that did not fit the buffer.</summary>
    public required long AccessLinesDropped { get; init; }

    /// <summary>Requests that the gateway itself answered with an error, by kind (see <see cref="GatewayFailure"/>).</summary>
    public required ImmutableSortedDictionary<string, long> Failures { get; init; }

    /// <summary>In the order of the table.</summary>
    public required ImmutableArray<GatewayInstanceStats> Instances { get; init; }

    /// <summary>The last 64 arrivals in the rotation and departures from it, oldest first.</summary>
    public ImmutableArray<GatewayRotationChange> Changes { get; init; } = [];
}

/// <summary>From this moment on an instance gets new requests from this gateway, or gets none.</summary>
/// <param name="Id">For example "web/2".</param>
/// <param name="Incarnation">From <see cref="GatewayInstance.Incarnation"/>.</param>
/// <param name="Arrived">True: gets requests; false: gets none any more.</param>
/// <param name="MonoNs">CLOCK_MONOTONIC in nanoseconds, as in events.</param>
public sealed record GatewayRotationChange(string Id, long Incarnation, bool Arrived, long MonoNs);

/// <summary>One instance as this gateway sees it.</summary>
public sealed record GatewayInstanceStats
{
    /// <summary>For example "web/2".</summary>
    public required string Id { get; init; }

    /// <summary>"in", "out" (this gateway's own checks failed), "draining" or "removed" (no longer in the table, requests still in flight).</summary>
    public required string State { get; init; }

    /// <summary>Why it is out; null when it is not.</summary>
    public string? Why { get; init; }

    /// <summary>Tries being answered now.</summary>
    public required int InFlight { get; init; }

    /// <summary>Tries sent to it.</summary>
    public required long Requests { get; init; }

    /// <summary>Tries that ended without an answer.</summary>
    public required long Failures { get; init; }

    /// <summary>How often it was taken out by this gateway's own checks.</summary>
    public required long TakenOut { get; init; }
}

/// <summary>Why the gateway, and not an instance, answered a request with an error.</summary>
public enum GatewayFailure
{
    /// <summary>404: no route matches host and path.</summary>
    NoRoute,

    /// <summary>503: no instance was in rotation, also after waiting.</summary>
    NoInstance,

    /// <summary>503: too many requests in flight or waiting.</summary>
    Overload,

    /// <summary>502: the instance broke the connection and the request must not be sent again.</summary>
    InstanceFailed,

    /// <summary>502: a retry would have been allowed but the budget or the number of tries was used up.</summary>
    RetriesExhausted,

    /// <summary>504: the instance stopped answering and the request must not be sent again.</summary>
    InstanceSilent,

    /// <summary>504: no answer began within the time limit.</summary>
    AnswerTimeout,

    /// <summary>413: the request body is over the limit.</summary>
    BodyTooLarge,

    /// <summary>400 or 408: the client's request body broke off, was malformed or too slow.</summary>
    BadRequestBody,

    /// <summary>No answer was possible: the client went away first.</summary>
    ClientGone,

    /// <summary>The answer broke off after it had begun; the client's connection was closed.</summary>
    Truncated,
}

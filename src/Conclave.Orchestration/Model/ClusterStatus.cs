using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Conclave.Orchestration.Model;

/// <summary>The one word that says how a cluster is.</summary>
[JsonConverter(typeof(KebabCaseEnum<ClusterState>))]
public enum ClusterState
{
    /// <summary>Everything wanted runs and is ready.</summary>
    Healthy,

    /// <summary>There is a leader, and something wanted is missing.</summary>
    Degraded,

    /// <summary>A quorum lives and has not yet chosen a leader.</summary>
    Electing,

    /// <summary>Too few voters live: what runs goes on, nothing is changed.</summary>
    NoQuorum,

    /// <summary>No node runs or answers; instances and gateways may, and are counted.</summary>
    Stopped,
}

/// <summary>Where a process (node, instance, gateway) is in its life.</summary>
[JsonConverter(typeof(KebabCaseEnum<RunState>))]
public enum RunState
{
    /// <summary>Nothing is known, for example because its node is down.</summary>
    Unknown,

    /// <summary>Wanted, not yet started.</summary>
    Pending,

    /// <summary>Runs, was not yet ready.</summary>
    Starting,

    /// <summary>Runs and answers its probes.</summary>
    Ready,

    /// <summary>Runs, was ready once, and fails its ready probe.</summary>
    Unready,

    /// <summary>Was asked to end.</summary>
    Stopping,

    /// <summary>Ended; waits for its next start.</summary>
    BackOff,

    /// <summary>Ends again and again soon after its start; still tried, at long intervals.</summary>
    CrashLoop,

    /// <summary>Ended and will not be started again by itself.</summary>
    Failed,

    /// <summary>Ended as wanted.</summary>
    Stopped,
}

/// <summary>The leader and what proves it.</summary>
/// <param name="Node">Name of its node.</param>
/// <param name="Term">Raft's term, or the number of the election with another kind.</param>
/// <param name="Token">Fencing token: the mod revision of the <c>leader</c> key.</param>
public sealed record LeaderStatus(string Node, ulong Term, long Token);

/// <summary>One node as the others see it.</summary>
public sealed record NodeStatus
{
    /// <summary>Such as <c>node-1</c>.</summary>
    public required string Name { get; init; }

    /// <summary>Null while it does not run.</summary>
    public int? Pid { get; init; }

    /// <summary><see cref="RunState.Ready"/> counts as alive.</summary>
    public required RunState State { get; init; }

    /// <summary><c>leader</c>, <c>follower</c>, <c>candidate</c>; null when unknown.</summary>
    public string? Role { get; init; }

    /// <summary>Starts after the first.</summary>
    public int Restarts { get; init; }

    /// <summary>Beginning of the present state.</summary>
    public DateTimeOffset? Since { get; init; }
}

/// <summary>One process of a service, or one gateway.</summary>
public sealed record InstanceStatus
{
    /// <summary>Such as <c>web/2</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Null while it does not run.</summary>
    public int? Pid { get; init; }

    /// <summary>From 20000-29999; kept over restarts. Null for a gateway.</summary>
    public int? Port { get; init; }

    /// <summary>The node that supervises it.</summary>
    public string? Node { get; init; }

    /// <summary>Where it is in its life.</summary>
    public required RunState State { get; init; }

    /// <summary>Starts after the first.</summary>
    public int Restarts { get; init; }

    /// <summary>Beginning of the present state.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>One clause on why it is not ready; null when there is nothing to say.</summary>
    public string? Why { get; init; }
}

/// <summary>One service and its instances.</summary>
public sealed record ServiceStatus
{
    /// <summary>Such as <c>web</c>.</summary>
    public required string Name { get; init; }

    /// <summary>How many are wanted now.</summary>
    public required int Desired { get; init; }

    /// <summary>How many are ready.</summary>
    public required int Ready { get; init; }

    /// <summary>How many the file asks for, when <c>scale</c> changed it since; else null.</summary>
    public int? File { get; init; }

    /// <summary>Sorted by number.</summary>
    public ImmutableArray<InstanceStatus> Instances { get; init; } = [];
}

/// <summary>What <c>status --json</c> prints. <see cref="StatusSummary.Of"/> fills state and summary from the rest.</summary>
public sealed record ClusterStatus
{
    /// <summary>Format; a member that is added does not raise it.</summary>
    public int V { get; init; } = ModelJson.Version;

    /// <summary>Name of the cluster.</summary>
    public string Name { get; init; } = "";

    /// <summary>The word.</summary>
    public ClusterState State { get; init; }

    /// <summary>The sentence.</summary>
    public string Summary { get; init; } = "";

    /// <summary>Null while there is none, in JSON too: who reads it asks for it first of all.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public LeaderStatus? Leader { get; init; }

    /// <summary>Sorted by name; also those that do not run.</summary>
    public ImmutableArray<NodeStatus> Nodes { get; init; } = [];

    /// <summary>Sorted by name.</summary>
    public ImmutableArray<ServiceStatus> Services { get; init; } = [];

    /// <summary>Sorted by number.</summary>
    public ImmutableArray<InstanceStatus> Gateways { get; init; } = [];

    /// <summary>URLs at which the gateways answer.</summary>
    public ImmutableArray<string> Urls { get; init; } = [];
}

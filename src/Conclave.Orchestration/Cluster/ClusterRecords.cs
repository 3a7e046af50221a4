using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Cluster;

/// <summary>Who holds the leader's seat. <paramref name="Term"/>: the term (Raft) or token of the election that it won.</summary>
public sealed record LeaderRecord(string Node, long Term, DateTimeOffset Since);

/// <summary>What belongs to no single service.</summary>
public sealed record ClusterSettings(ImmutableArray<string> Nodes, GatewaySpec Gateway);

/// <summary>
/// The desired state of one service. The store wins over the file while the file is unchanged, so a count set by <c>scale</c> lasts; a service whose
/// <see cref="FileHash"/> differs from the file's is taken from the file at the next <c>up</c>.
/// </summary>
public sealed record ServiceState
{
    /// <summary>How to run it.</summary>
    public required ServiceSpec Spec { get; init; }

    /// <summary>How many instances there should be.</summary>
    public required int Replicas { get; init; }

    /// <summary>How many the file asked for when it was last read.</summary>
    public required int FileReplicas { get; init; }

    /// <summary>Hash of the service's part of the file.</summary>
    public required string FileHash { get; init; }

    /// <summary>Raised to have every instance replaced, one after the other.</summary>
    public long Generation { get; init; } = 1;

    /// <summary>True after <c>stop</c>: it keeps its count but nothing runs.</summary>
    public bool Stopped { get; init; }

    /// <summary>Instances stopped one by one (<c>stop web/2</c>).</summary>
    public ImmutableSortedSet<int> StoppedInstances { get; init; } = [];

    /// <summary>How many should run now.</summary>
    [JsonIgnore]
    public int Wanted => Stopped ? 0 : Replicas - StoppedInstances.Count(n => n <= Replicas);

    /// <summary>Whether that instance should run now.</summary>
    public bool Wants(int number) => !Stopped && number <= Replicas && !StoppedInstances.Contains(number);
}

/// <summary>The leader's decision that a node runs an instance, of the given generation of its service.</summary>
public sealed record Assignment(string Node, long Generation, ServiceSpec Spec);

/// <summary>What a worker last saw of an instance.</summary>
public sealed record InstanceReport
{
    /// <summary>The instance.</summary>
    public required InstanceId Id { get; init; }

    /// <summary>The node whose worker wrote this.</summary>
    public required string Node { get; init; }

    /// <summary>Where it is in its life.</summary>
    public required RunState State { get; init; }

    /// <summary>The generation that runs.</summary>
    public required long Generation { get; init; }

    /// <summary>Its process, when there is one.</summary>
    public ProcessIdentity? Process { get; init; }

    /// <summary>The address at which its service answers.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>Its port.</summary>
    public int Port { get; init; }

    /// <summary>Times it was started again because it failed.</summary>
    public int Restarts { get; init; }

    /// <summary>Since when it is in this state.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Why, in a sentence.</summary>
    public string? Why { get; init; }
}

/// <summary>A live node, under its worker's lease.</summary>
public sealed record NodeReport
{
    /// <summary>Its name.</summary>
    public required string Name { get; init; }

    /// <summary>The machine; the boot id, so that a restored snapshot of a machine is another host.</summary>
    public required string Host { get; init; }

    /// <summary>Its process.</summary>
    public required ProcessIdentity Process { get; init; }

    /// <summary>Starts after the first.</summary>
    public int Restarts { get; init; }

    /// <summary>Where it answers pings.</summary>
    public required string Control { get; init; }

    /// <summary>Since when.</summary>
    public required DateTimeOffset Since { get; init; }
}

/// <summary>
/// The leader's order: <paramref name="Executor"/>, a live node on the same host, ends <paramref name="Incarnation"/> (null: whatever holds the node's lock and does not answer)
/// and starts the node anew. Which process may be the node is decided by the lock on its directory, so an order that is carried out twice is harmless.
/// </summary>
public sealed record NodeOrder(string Node, string Executor, ProcessIdentity? Incarnation, string Why);

/// <summary>How the records stand in the store and on disk.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LeaderRecord))]
[JsonSerializable(typeof(ClusterSettings))]
[JsonSerializable(typeof(ServiceState))]
[JsonSerializable(typeof(Assignment))]
[JsonSerializable(typeof(InstanceReport))]
[JsonSerializable(typeof(NodeReport))]
[JsonSerializable(typeof(NodeOrder))]
public sealed partial class ClusterJson : JsonSerializerContext;

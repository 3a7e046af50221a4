using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Conclave.Orchestration.Model;

/// <summary>How the leader of the workers is chosen.</summary>
[JsonConverter(typeof(KebabCaseEnum<ElectionKind>))]
public enum ElectionKind
{
    /// <summary>The leader is the Raft leader of the nodes' own coordination group; needs the embedded store.</summary>
    Raft,

    /// <summary>The leader holds a lease in the store, by etcd's own election; the only choice with an external etcd.</summary>
    Etcd,
}

/// <summary>What a <c>conclave.yaml</c> asks for, checked and with every default filled in. Equal by value.</summary>
public sealed record ClusterSpec
{
    /// <summary>Format of the stored form, raised when an older program could not read it.</summary>
    [JsonRequired]
    public int V { get; init; } = ModelJson.Version;

    /// <summary>Letters, digits and dashes; part of every key in the store.</summary>
    public required string Name { get; init; }

    /// <summary>How many nodes <c>up</c> starts, all of them voters. One works and is not fault-tolerant.</summary>
    [JsonRequired]
    public int Nodes { get; init; } = 3;

    /// <summary>Absolute path of the directory that holds one sub-directory per node.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Client endpoints of an existing etcd; empty means the embedded store of the nodes themselves.</summary>
    [JsonRequired]
    public ImmutableArray<string> EtcdEndpoints { get; init; } = [];

    /// <summary>Default <see cref="ElectionKind.Raft"/>, and <see cref="ElectionKind.Etcd"/> with an external etcd.</summary>
    [JsonRequired]
    public ElectionKind Election { get; init; }

    /// <summary><see cref="GatewaySpec.None"/> when the file has no gateway.</summary>
    [JsonRequired]
    public GatewaySpec Gateway { get; init; } = GatewaySpec.None;

    /// <summary>Sorted by name, names unique.</summary>
    [JsonRequired]
    public ImmutableArray<ServiceSpec> Services { get; init; } = [];

    /// <summary>Hash of what the file says, <see cref="ContentHash.Of(ClusterSpec)"/>: comments and layout do not count, the content of an
    /// <c>env_file</c> does. Equal hashes mean that the file is unchanged and the store wins.</summary>
    [JsonRequired]
    public string FileHash { get; init; } = "";

    /// <summary>Whether the nodes keep the state themselves.</summary>
    [JsonIgnore]
    public bool IsEmbedded => EtcdEndpoints.IsEmpty;

    /// <summary>The service of that name, or null.</summary>
    public ServiceSpec? Service(string name) =>
        Services.FirstOrDefault(service => string.Equals(service.Name, name, StringComparison.Ordinal));

    /// <inheritdoc/>
    public bool Equals(ClusterSpec? other) =>
        other is not null && V == other.V && Name == other.Name && Nodes == other.Nodes && DataDirectory == other.DataDirectory
        && EtcdEndpoints.SequenceEqual(other.EtcdEndpoints) && Election == other.Election && Gateway == other.Gateway
        && Services.SequenceEqual(other.Services) && FileHash == other.FileHash;

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Name, Nodes, DataDirectory, Services.Length, FileHash);
}

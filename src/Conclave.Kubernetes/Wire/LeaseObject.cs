using System.Text.Json;
using System.Text.Json.Serialization;

namespace Conclave.Kubernetes.Wire;

/// <summary>
/// A Lease of <c>coordination.k8s.io/v1</c>. What we do not know of it (labels, owners, fields of later versions) is kept in <c>Rest</c> and written back as it was read, because a PUT
/// replaces the whole object. Never changed in place.
/// </summary>
internal sealed record LeaseObject
{
    public string? ApiVersion { get; init; }

    public string? Kind { get; init; }

    public ObjectMeta Metadata { get; init; } = new();

    public LeaseSpec? Spec { get; init; }

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Rest { get; set; }

    /// <summary>Who holds it; null when nobody does.</summary>
    [JsonIgnore]
    public string? Holder => string.IsNullOrEmpty(Spec?.HolderIdentity) ? null : Spec.HolderIdentity;

    /// <summary>Which version of the object this is; a write is refused unless it names the one that is stored.</summary>
    [JsonIgnore]
    public string Version => Metadata.ResourceVersion ?? "";
}

/// <summary>Metadata of an object. <c>Uid</c> is sent back with every write: an object that was deleted and made anew is then not mistaken for the old one.</summary>
internal sealed record ObjectMeta
{
    public string? Name { get; init; }

    public string? Namespace { get; init; }

    public string? Uid { get; init; }

    public string? ResourceVersion { get; init; }

    public Dictionary<string, string>? Annotations { get; init; }

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Rest { get; set; }
}

/// <summary>
/// What client-go's leader election keeps in a Lease. The times are Kubernetes' <c>MicroTime</c>, <c>2006-01-02T15:04:05.000000Z</c>, by the clock of whoever wrote them; they are
/// for people to read and kept as text, because nobody may compare them with a clock of his own.
/// </summary>
internal sealed record LeaseSpec
{
    public string? HolderIdentity { get; init; }

    public int? LeaseDurationSeconds { get; init; }

    public string? AcquireTime { get; init; }

    public string? RenewTime { get; init; }

    public int? LeaseTransitions { get; init; }

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Rest { get; set; }
}

/// <summary>Leases of a namespace, and the version of the collection from which a watch goes on without a gap.</summary>
internal sealed record LeaseList
{
    public ObjectMeta Metadata { get; init; } = new();

    public LeaseObject[] Items { get; init; } = [];
}

/// <summary>One line of a watch. The object is a Lease, or a <see cref="StatusObject"/> when the type is <c>ERROR</c>.</summary>
internal sealed record WatchLine
{
    public string? Type { get; init; }

    public JsonElement Object { get; init; }
}

/// <summary>What a server says when it refuses.</summary>
internal sealed record StatusObject
{
    public string? Kind { get; init; }

    public int? Code { get; init; }

    public string? Reason { get; init; }

    public string? Message { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LeaseObject))]
[JsonSerializable(typeof(LeaseList))]
[JsonSerializable(typeof(WatchLine))]
[JsonSerializable(typeof(StatusObject))]
internal sealed partial class KubernetesJson : JsonSerializerContext;

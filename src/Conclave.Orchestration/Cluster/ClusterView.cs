using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Conclave.Orchestration.Cluster;

/// <summary>
/// Everything under a cluster's keys at one revision. Immutable: a change gives a new view. A key whose value cannot be read (a newer version wrote it)
/// is left out and named in <see cref="Unreadable"/>, so that one bad record does not stop the rest.
/// </summary>
public sealed record ClusterView
{
    private static readonly ImmutableSortedDictionary<string, ServiceState> NoServices =
        ImmutableSortedDictionary.Create<string, ServiceState>(StringComparer.Ordinal);

    /// <summary>Nothing is known yet.</summary>
    public static ClusterView Empty { get; } = new();

    /// <summary>The store's revision that this view is true at.</summary>
    public long Revision { get; init; }

    /// <summary>Who holds the seat.</summary>
    public LeaderRecord? Leader { get; init; }

    /// <summary>The seat's mod revision: the fencing token; 0 when nobody ever sat.</summary>
    public long LeaderToken { get; init; }

    /// <summary>The cluster's settings.</summary>
    public ClusterSettings? Settings { get; init; }

    /// <summary>Desired state by service.</summary>
    public ImmutableSortedDictionary<string, ServiceState> Services { get; init; } = NoServices;

    /// <summary>Who runs what.</summary>
    public ImmutableSortedDictionary<InstanceId, Assignment> Assignments { get; init; } = ImmutableSortedDictionary<InstanceId, Assignment>.Empty;

    /// <summary>What was last seen of the instances.</summary>
    public ImmutableSortedDictionary<InstanceId, InstanceReport> Instances { get; init; } = ImmutableSortedDictionary<InstanceId, InstanceReport>.Empty;

    /// <summary>Nodes whose lease lives.</summary>
    public ImmutableSortedDictionary<string, NodeReport> Nodes { get; init; } = ImmutableSortedDictionary.Create<string, NodeReport>(StringComparer.Ordinal);

    /// <summary>The leader's open orders, by the node they are about.</summary>
    public ImmutableSortedDictionary<string, NodeOrder> Orders { get; init; } = ImmutableSortedDictionary.Create<string, NodeOrder>(StringComparer.Ordinal);

    /// <summary>Keys whose value this version cannot read.</summary>
    public ImmutableSortedSet<string> Unreadable { get; init; } = ImmutableSortedSet.Create<string>(StringComparer.Ordinal);

    /// <summary>The view after a key got a value (or, with null, was deleted) at <paramref name="modRevision"/>.</summary>
    public ClusterView With(ClusterKeys keys, string key, ReadOnlyMemory<byte>? value, long modRevision)
    {
        try
        {
            var next = WithRecord(keys, key, value, modRevision);
            return next.Unreadable.Contains(key) ? next with { Unreadable = next.Unreadable.Remove(key) } : next;
        }
        catch (JsonException)
        {
            return this with { Unreadable = Unreadable.Add(key) };
        }
    }

    private ClusterView WithRecord(ClusterKeys keys, string key, ReadOnlyMemory<byte>? value, long modRevision)
    {
        if (key == keys.Leader)
            return this with { Leader = Read(value, ClusterJson.Default.LeaderRecord), LeaderToken = value is null ? 0 : modRevision };
        if (key == keys.Settings)
            return this with { Settings = Read(value, ClusterJson.Default.ClusterSettings) };
        if (Under(keys.ServicePrefix, key) is { } service)
            return this with { Services = Set(Services, service, Read(value, ClusterJson.Default.ServiceState)) };
        if (Under(keys.NodePrefix, key) is { } node)
            return this with { Nodes = Set(Nodes, node, Read(value, ClusterJson.Default.NodeReport)) };
        if (Under(keys.OrderPrefix, key) is { } ordered)
            return this with { Orders = Set(Orders, ordered, Read(value, ClusterJson.Default.NodeOrder)) };
        if (InstanceId.TryParse(Under(keys.AssignmentPrefix, key), out var assigned))
            return this with { Assignments = Set(Assignments, assigned.Value, Read(value, ClusterJson.Default.Assignment)) };
        if (InstanceId.TryParse(Under(keys.InstancePrefix, key), out var seen))
            return this with { Instances = Set(Instances, seen.Value, Read(value, ClusterJson.Default.InstanceReport)) };
        return this; // the election's own keys, or a newer version's
    }

    private static string? Under(string prefix, string key) => key.StartsWith(prefix, StringComparison.Ordinal) ? key[prefix.Length..] : null;

    private static T? Read<T>(ReadOnlyMemory<byte>? value, JsonTypeInfo<T> type)
        where T : class =>
        value is { } bytes ? JsonSerializer.Deserialize(bytes.Span, type) : null;

    private static ImmutableSortedDictionary<TKey, T> Set<TKey, T>(ImmutableSortedDictionary<TKey, T> map, TKey key, T? value)
        where TKey : notnull
        where T : class =>
        value is null ? map.Remove(key) : map.SetItem(key, value);
}

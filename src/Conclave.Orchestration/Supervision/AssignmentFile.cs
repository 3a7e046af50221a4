using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using Conclave.Orchestration.Cluster;

namespace Conclave.Orchestration.Supervision;

/// <summary>What a node was last told to run, on its own disk: a worker that starts without a store goes on from here.</summary>
public static class AssignmentFile
{
    /// <summary>What was last saved; nothing when there is no file.</summary>
    public static ImmutableSortedDictionary<InstanceId, Assignment> Load(string path)
    {
        if (!File.Exists(path))
            return ImmutableSortedDictionary<InstanceId, Assignment>.Empty;
        try
        {
            var lines = JsonSerializer.Deserialize(File.ReadAllBytes(path), AssignmentJson.Default.ImmutableArrayAssignedInstance);
            return lines.ToImmutableSortedDictionary(a => a.Id, a => a.Assignment);
        }
        catch (JsonException)
        {
            // It is a copy: the store has the original, and what runs has its own records.
            return ImmutableSortedDictionary<InstanceId, Assignment>.Empty;
        }
    }

    /// <summary>Replaces the file.</summary>
    public static void Save(string path, ImmutableSortedDictionary<InstanceId, Assignment> assignments)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(
            [.. assignments.Select(a => new AssignedInstance(a.Key, a.Value))], AssignmentJson.Default.ImmutableArrayAssignedInstance);
        File.WriteAllBytes(path + ".new", bytes);
        File.Move(path + ".new", path, overwrite: true);
    }
}

/// <summary>One line of the file.</summary>
internal sealed record AssignedInstance(InstanceId Id, Assignment Assignment);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ImmutableArray<AssignedInstance>))]
internal sealed partial class AssignmentJson : JsonSerializerContext;

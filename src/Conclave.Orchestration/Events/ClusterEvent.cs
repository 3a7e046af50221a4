using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Conclave.Orchestration.Events;

/// <summary>One thing that happened; one line of <c>events --json</c>.</summary>
public sealed record ClusterEvent
{
    /// <summary>Format of the line.</summary>
    public int V { get; init; } = 1;

    /// <summary>Node and a number that grows by one in each node's log, also over restarts: <c>node-1.42</c>.</summary>
    public required string Id { get; init; }

    /// <summary>Wall clock, UTC.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>CLOCK_MONOTONIC in nanoseconds; comparable between all processes of a host until it restarts.</summary>
    public required long MonoNs { get; init; }

    /// <summary>Who saw it.</summary>
    public required string Node { get; init; }

    /// <summary>One of <see cref="EventKind"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>What it happened to: <c>web/2</c>, <c>node-3</c>, <c>web</c>.</summary>
    public required string Subject { get; init; }

    /// <summary>The term in which it happened; 0 when none was known.</summary>
    public ulong Term { get; init; }

    /// <summary>One clause a person reads; may be empty.</summary>
    public string Why { get; init; } = "";

    /// <summary>Numbers and words by kind; null when there are none.</summary>
    public JsonObject? Data { get; init; }

    /// <summary>The number behind the dot of <see cref="Id"/>; 0 when there is none.</summary>
    [JsonIgnore]
    public long Sequence => long.TryParse(Id.AsSpan(Id.LastIndexOf('.') + 1), out var sequence) ? sequence : 0;

    /// <summary>The event as one line of JSON without its line end.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, EventJson.Default.ClusterEvent);

    /// <summary>The event of a line; null when the line is torn or is none.</summary>
    public static ClusterEvent? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return line.IsEmpty ? null : JsonSerializer.Deserialize(line, EventJson.Default.ClusterEvent);
        }
        catch (JsonException)
        {
            // Only a line that was being written when its node was killed looks like this; the events around it are whole.
            return null;
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ClusterEvent))]
internal sealed partial class EventJson : JsonSerializerContext;

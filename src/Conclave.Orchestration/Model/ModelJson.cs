using System.Text.Json;
using System.Text.Json.Serialization;

namespace Conclave.Orchestration.Model;

/// <summary>The JSON forms that the model has in the coordination store and in the output of the program: snake_case, nulls left out,
/// enums as words with dashes. Each document carries its version in <c>v</c>; unknown members are ignored. A member
/// that is missing is refused: the generated reader would set it to zero and not to its default (tested), so a member that is added to a spec raises the version,
/// and the reader fills it in for older ones. Generated at build time, which keeps reflection off the start of a node.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ClusterSpec))]
[JsonSerializable(typeof(ServiceSpec))]
[JsonSerializable(typeof(GatewaySpec))]
[JsonSerializable(typeof(ProbeSpec))]
[JsonSerializable(typeof(ClusterStatus))]
public sealed partial class ModelJson : JsonSerializerContext
{
    /// <summary>The version that this program writes.</summary>
    public const int Version = 1;

    /// <summary>A spec as it is stored.</summary>
    public static byte[] Write(ClusterSpec spec) => JsonSerializer.SerializeToUtf8Bytes(spec, Default.ClusterSpec);

    /// <summary>A spec as it was stored.</summary>
    /// <exception cref="InvalidDataException">Not a spec, or one of a newer format.</exception>
    public static ClusterSpec ReadClusterSpec(ReadOnlySpan<byte> json)
    {
        try
        {
            // The format first: what a newer one looks like otherwise is not ours to say.
            var reader = new Utf8JsonReader(json);
            using var stored = JsonDocument.ParseValue(ref reader);
            if (stored.RootElement.ValueKind == JsonValueKind.Object && stored.RootElement.TryGetProperty("v", out var v) && v.TryGetInt32(out var format) && format > Version)
                throw new InvalidDataException($"the stored cluster has format {format}, this program reads up to {Version}; use a newer conclave");
            return JsonSerializer.Deserialize(json, Default.ClusterSpec) ?? throw new InvalidDataException("the stored cluster is null");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"the stored cluster cannot be read: {e.Message}", e);
        }
    }
}

/// <summary>Writes <c>OnFailure</c> as <c>on-failure</c>; reads the same.</summary>
/// <typeparam name="T">The enum.</typeparam>
public sealed class KebabCaseEnum<T>() : JsonStringEnumConverter<T>(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false)
    where T : struct, Enum;

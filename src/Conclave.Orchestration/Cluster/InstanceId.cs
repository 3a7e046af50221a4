using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Conclave.Orchestration.Cluster;

/// <summary>One process of a service, written <c>web/2</c>. Numbers start at 1.</summary>
[JsonConverter(typeof(JsonText))]
public readonly record struct InstanceId(string Service, int Number) : IComparable<InstanceId>
{
    /// <summary>Reads <c>service/number</c>.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out InstanceId? id)
    {
        id = null;
        var slash = text?.LastIndexOf('/') ?? -1;
        if (slash < 1 || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number < 1)
            return false;
        id = new InstanceId(text![..slash], number);
        return true;
    }

    /// <inheritdoc/>
    public int CompareTo(InstanceId other)
    {
        var byService = string.CompareOrdinal(Service, other.Service);
        return byService != 0 ? byService : Number.CompareTo(other.Number);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Service}/{Number}");

    internal sealed class JsonText : JsonConverter<InstanceId>
    {
        public override InstanceId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            TryParse(reader.GetString(), out var id) ? id.Value : throw new JsonException("An instance is written service/number.");

        public override void Write(Utf8JsonWriter writer, InstanceId value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.ToString());
    }
}

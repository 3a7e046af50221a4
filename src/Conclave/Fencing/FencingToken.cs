using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Conclave;

/// <summary>
/// A number that grows with every new leadership of an election. The holder sends it along with each act; whoever is acted upon remembers
/// the highest one seen and refuses lower ones (<see cref="FencingGate"/>), so that a leader that was stopped and wakes up does no harm.
/// </summary>
/// <remarks>
/// 64 bits with sign, because that is what the places that must remember it can keep (an SQL bigint, an etcd revision, a ZooKeeper zxid).
/// Tokens of different elections, or of one election on two backends, cannot be compared. In JSON a token is a number.
/// </remarks>
[JsonConverter(typeof(FencingTokenConverter))]
public readonly record struct FencingToken(long Value) : IComparable<FencingToken>
{
    /// <summary>Older than every leadership: what a gate holds before it has seen a token.</summary>
    public static FencingToken None => default;

    /// <inheritdoc/>
    public int CompareTo(FencingToken other) => Value.CompareTo(other.Value);

    /// <summary>Decimal digits, as sent in headers and environment variables.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);

    /// <summary>Reads what <see cref="ToString"/> wrote; signs, spaces and separators are refused.</summary>
    public static bool TryParse(string? text, out FencingToken token)
    {
        var parsed = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value);
        token = new FencingToken(value);
        return parsed;
    }

    /// <summary>From an older leadership.</summary>
    public static bool operator <(FencingToken left, FencingToken right) => left.Value < right.Value;

    /// <summary>From a newer leadership.</summary>
    public static bool operator >(FencingToken left, FencingToken right) => left.Value > right.Value;

    /// <summary>From an older leadership or the same.</summary>
    public static bool operator <=(FencingToken left, FencingToken right) => left.Value <= right.Value;

    /// <summary>From a newer leadership or the same.</summary>
    public static bool operator >=(FencingToken left, FencingToken right) => left.Value >= right.Value;
}

/// <summary>A token in JSON is its number, not an object around it.</summary>
internal sealed class FencingTokenConverter : JsonConverter<FencingToken>
{
    public override FencingToken Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => new(reader.GetInt64());

    public override void Write(Utf8JsonWriter writer, FencingToken value, JsonSerializerOptions options) => writer.WriteNumberValue(value.Value);
}

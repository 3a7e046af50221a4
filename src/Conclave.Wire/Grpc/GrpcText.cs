using System.Globalization;
using System.Text;

namespace Conclave.Wire.Grpc;

/// <summary>The small texts of gRPC's headers: <c>grpc-message</c> and <c>grpc-timeout</c>.</summary>
internal static class GrpcText
{
    /// <summary>Printable ASCII stays; '%' and every other byte of the UTF-8 form become <c>%XX</c>.</summary>
    public static string EncodeMessage(string message)
    {
        if (!message.AsSpan().ContainsAnyExceptInRange(' ', '~') && !message.Contains('%', StringComparison.Ordinal)) return message;

        var encoded = new StringBuilder();
        foreach (var b in Encoding.UTF8.GetBytes(message))
        {
            if (b is >= (byte)' ' and <= (byte)'~' and not (byte)'%') encoded.Append((char)b);
            else encoded.Append(CultureInfo.InvariantCulture, $"%{b:X2}");
        }

        return encoded.ToString();
    }

    /// <summary>The reverse; what is not a valid escape stays as it is, as the specification asks.</summary>
    public static string DecodeMessage(string encoded)
    {
        if (!encoded.Contains('%', StringComparison.Ordinal)) return encoded;

        var bytes = new List<byte>(encoded.Length);
        for (var i = 0; i < encoded.Length; i++)
        {
            if (encoded[i] == '%' && i + 2 < encoded.Length
                && byte.TryParse(encoded.AsSpan(i + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var escaped))
            {
                bytes.Add(escaped);
                i += 2;
            }
            else
            {
                bytes.AddRange(Encoding.UTF8.GetBytes([encoded[i]]));
            }
        }

        return Encoding.UTF8.GetString([.. bytes]);
    }

    /// <summary>At most eight digits and a unit; the finest unit that holds the value.</summary>
    public static string FormatTimeout(TimeSpan timeout)
    {
        var milliseconds = Math.Max(1, (long)Math.Ceiling(timeout.TotalMilliseconds));
        return milliseconds <= 99_999_999
            ? string.Create(CultureInfo.InvariantCulture, $"{milliseconds}m")
            : string.Create(CultureInfo.InvariantCulture, $"{Math.Min(milliseconds / 1000, 99_999_999)}S");
    }

    /// <summary>False for what the specification does not allow. Values above a day are held to a day, which no call here outlives.</summary>
    public static bool TryParseTimeout(ReadOnlySpan<char> text, out TimeSpan timeout)
    {
        timeout = default;
        if (text.Length is < 2 or > 9) return false;
        if (!long.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var value)) return false;

        var ticksPerUnit = text[^1] switch
        {
            'H' => TimeSpan.TicksPerHour,
            'M' => TimeSpan.TicksPerMinute,
            'S' => TimeSpan.TicksPerSecond,
            'm' => TimeSpan.TicksPerMillisecond,
            'u' => TimeSpan.TicksPerMicrosecond,
            'n' => 0L,
            _ => -1L,
        };
        if (ticksPerUnit < 0) return false;

        var ticks = ticksPerUnit == 0 ? value / TimeSpan.NanosecondsPerTick : Math.Min(value, TimeSpan.TicksPerDay / ticksPerUnit) * ticksPerUnit;
        timeout = TimeSpan.FromTicks(ticks);
        return true;
    }
}

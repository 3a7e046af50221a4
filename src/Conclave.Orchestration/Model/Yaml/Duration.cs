using System.Buffers;
using System.Globalization;

namespace Conclave.Orchestration.Model.Yaml;

/// <summary>Durations as Compose and Go write them: <c>500ms</c>, <c>1s</c>, <c>1m30s</c>, <c>2h</c>.</summary>
public static class Duration
{
    private static readonly (string Unit, long Ticks)[] Units =
    [
        ("ms", TimeSpan.TicksPerMillisecond), ("us", TimeSpan.TicksPerMicrosecond), ("h", TimeSpan.TicksPerHour),
        ("m", TimeSpan.TicksPerMinute), ("s", TimeSpan.TicksPerSecond),
    ];

    private static readonly SearchValues<char> Digits = SearchValues.Create("0123456789.");

    /// <summary>False for anything without a unit, and beyond 24 hours.</summary>
    public static bool TryParse(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        if (text == "0")
            return true;
        var rest = text.AsSpan();
        if (rest.IsEmpty)
            return false;
        double ticks = 0;
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(Digits);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
                return false;
            rest = rest[digits..];
            var unit = UnitAt(rest);
            if (unit.Ticks == 0)
                return false;
            ticks += number * unit.Ticks;
            rest = rest[unit.Unit.Length..];
        }

        if (ticks > TimeSpan.TicksPerDay)
            return false;
        duration = TimeSpan.FromTicks((long)Math.Round(ticks));
        return true;
    }

    /// <summary>The shortest form that parses to the same.</summary>
    public static string Format(TimeSpan duration)
    {
        if (duration == TimeSpan.Zero)
            return "0s";
        var text = "";
        foreach (var (unit, ticks) in Units.Where(unit => unit.Unit != "us").OrderByDescending(unit => unit.Ticks))
        {
            var whole = duration.Ticks / ticks;
            if (whole > 0)
                text += string.Create(CultureInfo.InvariantCulture, $"{whole}{unit}");
            duration -= TimeSpan.FromTicks(whole * ticks);
        }

        return text;
    }

    private static (string Unit, long Ticks) UnitAt(ReadOnlySpan<char> rest)
    {
        foreach (var unit in Units)
        {
            if (rest.StartsWith(unit.Unit))
                return unit;
        }

        return default;
    }
}

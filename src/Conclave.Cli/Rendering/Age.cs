using System.Globalization;

namespace Conclave.Cli.Rendering;

/// <summary>How long something has lasted, in one unit: nobody needs more in a table.</summary>
internal static class Age
{
    public static string Text(DateTimeOffset? since, DateTimeOffset now)
    {
        if (since is not { } start)
            return "";
        var age = now > start ? now - start : TimeSpan.Zero;
        var (count, unit) = age switch
        {
            { TotalSeconds: < 100 } => (age.TotalSeconds, "s"),
            { TotalMinutes: < 100 } => (age.TotalMinutes, "m"),
            { TotalHours: < 72 } => (age.TotalHours, "h"),
            _ => (age.TotalDays, "d"),
        };
        return string.Create(CultureInfo.InvariantCulture, $"{(long)count}{unit}");
    }
}

using System.Globalization;
using Conclave.Orchestration.Events;

namespace Conclave.Cli.Rendering;

/// <summary>An event as one line for people. Pure.</summary>
internal static class EventText
{
    /// <summary>Such as <c>12:00:01.250  node-1  instance-exited  web/2  killed by SIGKILL  pid=7</c>, in the zone given.</summary>
    public static string Line(ClusterEvent happened, TimeZoneInfo zone)
    {
        var time = TimeZoneInfo.ConvertTime(happened.Time, zone).ToString("HH:mm:ss.fff", CultureInfo.InvariantCulture);
        var data = happened.Data is null ? "" : string.Join(' ', happened.Data.Select(member => $"{member.Key}={member.Value}"));
        return string.Join("  ", new[] { time, happened.Node.PadRight(7), happened.Kind.PadRight(19), happened.Subject, happened.Why, data }
            .Where(part => part.Length > 0)).TrimEnd();
    }
}

using Microsoft.Extensions.Logging;

namespace Conclave.Cli.Cluster;

/// <summary>What the processes of a cluster write to their log file: one line each, UTC, to the standard output that is that file.</summary>
internal static class NodeLogging
{
    public static ILoggerFactory Create() => LoggerFactory.Create(logs => logs
        .SetMinimumLevel(LogLevel.Information)
        .AddFilter("Microsoft", LogLevel.Warning)
        .AddFilter("Yarp", LogLevel.Warning)
        .AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
            console.ColorBehavior = Microsoft.Extensions.Logging.Console.LoggerColorBehavior.Disabled;
        }));
}

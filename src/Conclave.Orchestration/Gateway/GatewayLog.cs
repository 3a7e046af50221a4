using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Gateway;

/// <summary>What a gateway says of its own life. Requests go to the access log.</summary>
internal static partial class GatewayLog
{
    [LoggerMessage(Level = LogLevel.Information, Message = "Gateway {Gateway} serves on {Addresses}")]
    public static partial void Serving(this ILogger log, string gateway, string addresses);

    [LoggerMessage(Level = LogLevel.Information, Message = "Gateway {Gateway} drains: {InFlight} requests in flight")]
    public static partial void Draining(this ILogger log, string gateway, int inFlight);

    [LoggerMessage(Level = LogLevel.Debug, Message = "Table {Version} with {Instances} instances in use")]
    public static partial void TableApplied(this ILogger log, long version, int instances);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Instance {Instance} is out of rotation: {Why}")]
    public static partial void OutOfRotation(this ILogger log, string instance, string why);

    [LoggerMessage(Level = LogLevel.Information, Message = "Instance {Instance} is back in rotation after {OutMs} ms")]
    public static partial void BackInRotation(this ILogger log, string instance, long outMs);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Access log {Path} was not written: {Why}")]
    public static partial void AccessLogFailed(this ILogger log, string path, string why);
}

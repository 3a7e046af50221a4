using Microsoft.Extensions.Logging;

namespace Conclave.Wire;

internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Error, "The handler of {Path} failed")]
    public static partial void HandlerFailed(ILogger logger, string? path, Exception exception);
}

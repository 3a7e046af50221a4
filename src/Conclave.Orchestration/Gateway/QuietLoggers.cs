using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Gateway;

/// <summary>
/// What the frameworks below may say: ASP.NET Core from Warning on (an Information line per request is the access log's business), YARP
/// from Error on (it warns with a stack trace about each failed try, which we count and retry).
/// </summary>
internal sealed class QuietLoggers(ILoggerFactory inner) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) =>
        new Quiet(inner.CreateLogger(categoryName), categoryName.StartsWith("Yarp.", StringComparison.Ordinal) ? LogLevel.Error : LogLevel.Warning);

    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

    /// <summary>The inner factory belongs to the caller.</summary>
    public void Dispose() { }

    private sealed class Quiet(ILogger inner, LogLevel least) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= least && inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel)) inner.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}

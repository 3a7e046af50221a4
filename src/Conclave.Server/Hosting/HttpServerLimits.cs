namespace Conclave.Server.Hosting;

/// <summary>What connections may take.</summary>
public sealed record HttpServerLimits
{
    /// <summary>How long a new connection may stay silent before it is closed. Default 10 s.</summary>
    public TimeSpan SilenceMax { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>New connections that have not said anything yet; one more is closed at once. Default 1,024.</summary>
    public int SilentConnectionsMax { get; init; } = 1_024;

    /// <summary>Calls at once on one HTTP/2 connection. Default 65,536: a client holds a stream for each watch.</summary>
    public int StreamsPerConnectionMax { get; init; } = 65_536;

    /// <summary>How long a stop waits for calls that do not end when told to. Default 500 ms.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromMilliseconds(500);
}

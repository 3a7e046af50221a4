namespace Conclave.Wire.Etcd;

/// <summary>Where the servers are and how long to wait for them.</summary>
public sealed record EtcdClientOptions
{
    /// <summary>One or more of <c>http://host:port</c>, <c>host:port</c> and <c>unix:///path</c>. The first is tried first.</summary>
    public required IReadOnlyList<string> Endpoints { get; init; }

    /// <summary>For one request with all its attempts. Default 5 s.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For one connection. Default 2 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A connection with calls on it that has been silent this long is pinged. Default 10 s; etcd hangs up on pings closer than 5 s.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A ping not answered within this closes the connection. Default 5 s.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The pause before the endpoints are tried again after all have failed. Default 50 ms.</summary>
    public TimeSpan RetryInterval { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Largest response, in bytes. Default 64 MiB.</summary>
    public int ResponseBytesMax { get; init; } = 64 << 20;

    /// <summary>
    /// Responses kept for a watch whose reader is behind, so that one slow reader neither holds up the others nor fills the memory. Beyond it the watch is asked for again, from where the reader is, once
    /// it has caught up. Default 64.
    /// </summary>
    public int WatchBacklogMax { get; init; } = 64;

    /// <summary>What a hanging watch is judged by; tests have their own.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;
}

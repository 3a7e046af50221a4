using System.Net.Security;

namespace Conclave.Wire.Grpc;

/// <summary>Limits and times of a channel.</summary>
public sealed record GrpcChannelOptions
{
    /// <summary>For one connection. Default 2 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>A connection with calls on it that has been silent this long is pinged. Default 10 s.</summary>
    public TimeSpan KeepAliveInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A ping not answered within this closes the connection. Default 5 s.</summary>
    public TimeSpan KeepAliveTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For <c>https://</c>: whom to trust, and the client's own certificate. Default: the system's authorities and no certificate.</summary>
    public SslClientAuthenticationOptions? Tls { get; init; }

    /// <summary>Sent as the metadata <c>token</c> with every call, as it is when the call begins; none while null or empty. Default none.</summary>
    public Func<string?>? Token { get; init; }

    /// <summary>Largest response message, in bytes. Default 64 MiB.</summary>
    public int ResponseBytesMax { get; init; } = 64 << 20;
}

using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>Where the servers are, who we are to them, and how long to wait for them. Checked when a client is made of it.</summary>
public sealed record EtcdClientOptions
{
    /// <summary>One or more of <c>http://host:port</c>, <c>https://host:port</c>, <c>host:port</c> (cleartext) and <c>unix:///path</c>. The first is tried first.</summary>
    public required IReadOnlyList<string> Endpoints { get; init; }

    /// <summary><c>name:password</c> of a user of an etcd with authentication. Default none. Where authentication is off, and on a server that has no users, it is not looked at.</summary>
    public string? Credentials { get; init; }

    /// <summary>PEM file of the authorities that a server's certificate may come from, for <c>https://</c>. Read once. Default: those that the system trusts.</summary>
    public string? CertificateAuthorityFile { get; init; }

    /// <summary>PEM file of the client's own certificate, for servers that ask for one; with <see cref="CertificateKeyFile"/>. Read once. Default none.</summary>
    public string? CertificateFile { get; init; }

    /// <summary>PEM file of the private key of <see cref="CertificateFile"/>, not encrypted. Default none.</summary>
    public string? CertificateKeyFile { get; init; }

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

    /// <summary>Whether a client could be made of it; files are read, nothing is dialled.</summary>
    /// <exception cref="ArgumentException">It could not; the message names the option and the remedy, <see cref="ArgumentException.ParamName"/> the option.</exception>
    public void Validate()
    {
        if (Endpoints.Count == 0) throw Refused(nameof(Endpoints), "is empty: give at least one, such as http://127.0.0.1:2379");
        var addresses = Endpoints.Select(GrpcAddress.Parse).ToList();
        if (Credentials is not null && Credentials.IndexOf(':', StringComparison.Ordinal) <= 0)
            throw Refused(nameof(Credentials), "must be 'name:password'");
        _ = EtcdTls.Of(this, addresses);
    }

    internal static ArgumentException Refused(string option, string problem) => new($"{option} {problem}", option);
}

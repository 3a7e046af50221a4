using Conclave.Wire.Etcd;

namespace Conclave.Etcd;

/// <summary>
/// Where etcd is, for an election in a host. Named options, the name being the election's; in the configuration <c>Conclave:Elections:NAME:Etcd</c>. Read once and checked when the host starts.
/// Elections with equal settings and equal leases share one connection and one lease.
/// </summary>
public sealed class EtcdBackendOptions
{
    /// <summary>One or more of <c>http://host:port</c>, <c>https://host:port</c>, <c>host:port</c> and <c>unix:///path</c>. The first is tried first.</summary>
    public IReadOnlyList<string> Endpoints { get; set; } = [];

    /// <summary>As <see cref="EtcdClientOptions.Credentials"/>.</summary>
    public string? Credentials { get; set; }

    /// <summary>As <see cref="EtcdClientOptions.CertificateAuthorityFile"/>.</summary>
    public string? CertificateAuthorityFile { get; set; }

    /// <summary>As <see cref="EtcdClientOptions.CertificateFile"/>.</summary>
    public string? CertificateFile { get; set; }

    /// <summary>As <see cref="EtcdClientOptions.CertificateKeyFile"/>.</summary>
    public string? CertificateKeyFile { get; set; }

    /// <summary>
    /// For one request with all its attempts. Default: a third of the lease's TTL for each endpoint, at least 500 ms and at most 5 s each, so that a server that hangs does not cost the lease while another answers.
    /// </summary>
    public TimeSpan? RequestTimeout { get; set; }

    /// <summary>For one connection. Default 2 s.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a resignation is repeated while no answer comes, before it ends as unknown and the rest is left to the TTL. Default 2 s.</summary>
    public TimeSpan WithdrawTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long <see cref="ILeaderElection.TryCampaignAsync"/> waits for a silent server before it ends as unknown. Default 5 s.</summary>
    public TimeSpan TryTimeout { get; set; } = TimeSpan.FromSeconds(5);

    internal EtcdClientOptions ClientOptions(LeaseOptions lease) => new()
    {
        Endpoints = Endpoints,
        Credentials = Credentials,
        CertificateAuthorityFile = CertificateAuthorityFile,
        CertificateFile = CertificateFile,
        CertificateKeyFile = CertificateKeyFile,
        RequestTimeout = RequestTimeoutFor(lease),
        ConnectTimeout = ConnectTimeout,
    };

    private TimeSpan RequestTimeoutFor(LeaseOptions lease)
    {
        if (RequestTimeout is { } chosen)
            return chosen;
        var perEndpoint = Math.Clamp(lease.Ttl.TotalSeconds / 3, 0.5, 5);
        return TimeSpan.FromSeconds(perEndpoint * Endpoints.Count);
    }
}

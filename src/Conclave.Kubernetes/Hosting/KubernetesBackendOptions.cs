namespace Conclave.Kubernetes;

/// <summary>
/// Where the Lease of an election in a host is. Named options, the name being the election's; in the configuration <c>Conclave:Elections:NAME:Kubernetes</c>. In a pod everything may be left out. Read once and
/// checked when the host starts. Elections with equal settings share one client. How long the Lease is held says <see cref="LeaderElectionOptions.Lease"/>; its TTL must be whole seconds.
/// </summary>
public sealed class KubernetesBackendOptions
{
    /// <summary>As <see cref="KubernetesClientOptions.Server"/>.</summary>
    public string? Server { get; set; }

    /// <summary>As <see cref="KubernetesClientOptions.Token"/>.</summary>
    public string? Token { get; set; }

    /// <summary>As <see cref="KubernetesClientOptions.TokenFile"/>.</summary>
    public string? TokenFile { get; set; }

    /// <summary>As <see cref="KubernetesClientOptions.CertificateAuthorityFile"/>.</summary>
    public string? CertificateAuthorityFile { get; set; }

    /// <summary>As <see cref="KubernetesClientOptions.Namespace"/>.</summary>
    public string? Namespace { get; set; }

    /// <summary>As <see cref="KubernetesElectionOptions.LeaseName"/>.</summary>
    public string? LeaseName { get; set; }

    /// <summary>As <see cref="KubernetesElectionOptions.Identity"/>.</summary>
    public string Identity { get; set; } = CandidateName.Default;

    /// <summary>As <see cref="KubernetesClientOptions.RequestTimeout"/>.</summary>
    public TimeSpan RequestTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>As <see cref="KubernetesClientOptions.ConnectTimeout"/>.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>As <see cref="KubernetesClientOptions.PollInterval"/>.</summary>
    public TimeSpan PollInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>As <see cref="KubernetesClientOptions.WithdrawTimeout"/>.</summary>
    public TimeSpan WithdrawTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>As <see cref="KubernetesClientOptions.TryTimeout"/>.</summary>
    public TimeSpan TryTimeout { get; set; } = TimeSpan.FromSeconds(5);

    internal KubernetesClientOptions Client => new()
    {
        Server = Server,
        Token = Token,
        TokenFile = TokenFile,
        CertificateAuthorityFile = CertificateAuthorityFile,
        Namespace = Namespace,
        RequestTimeout = RequestTimeout,
        ConnectTimeout = ConnectTimeout,
        PollInterval = PollInterval,
        WithdrawTimeout = WithdrawTimeout,
        TryTimeout = TryTimeout,
    };
}

namespace Conclave.Kubernetes;

/// <summary>
/// Which API server a client uses and how long it argues with a silent one. In a pod everything may be left out: address, token, authority and namespace are then the service account's.
/// Checked once, where the client is made.
/// </summary>
public sealed record KubernetesClientOptions
{
    /// <summary>
    /// <c>https://host:port</c>. Default: that of the cluster whose pod this is. <c>http://</c> is taken on loopback only, for <c>kubectl proxy</c>.
    /// </summary>
    public string? Server { get; init; }

    /// <summary>A bearer token that does not change. Default: none; in a pod <see cref="TokenFile"/>.</summary>
    public string? Token { get; init; }

    /// <summary>
    /// The file with the bearer token, read again whenever it changes. Default, without <see cref="Server"/>: the service account's.
    /// </summary>
    public string? TokenFile { get; init; }

    /// <summary>
    /// PEM with the authorities that may vouch for the server. Default, without <see cref="Server"/>: the service account's <c>ca.crt</c>; else those that the system trusts.
    /// </summary>
    public string? CertificateAuthorityFile { get; init; }

    /// <summary>Where the Leases are. Default: the service account's; outside of a pod it must be set.</summary>
    public string? Namespace { get; init; }

    /// <summary>For one request. A renewal gets no more than one renewal interval. Default 5 s.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>For one connection to be made, and for one that was silent to answer a ping (a second at least). Default 2 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// After a watch was silent for so long the Lease is read, in case the watch is stuck. Default 2 s, client-go's <c>RetryPeriod</c>. A leader that renews more often than that keeps watches talking.
    /// </summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long somebody waits for a resignation or a withdrawal that is not answered before it is called unknown; it is repeated in the background for one TTL. Default 2 s.
    /// </summary>
    public TimeSpan WithdrawTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long <see cref="ILeaderElection.TryCampaignAsync"/> and <see cref="ILeaderElection.GetLeaderAsync"/> wait for a silent server before they end as unavailable. Default 5 s.
    /// </summary>
    public TimeSpan TryTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The first pause before something is asked again; it doubles up to <see cref="RetryIntervalMax"/>, with jitter. Default 50 ms.</summary>
    public TimeSpan RetryIntervalMin { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest pause before something is asked again. Default 1 s.</summary>
    public TimeSpan RetryIntervalMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Checks what can be checked without looking at the machine; the client looks for the files.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An option, or the relation between two, makes no sense; the message names it.</exception>
    public void Validate()
    {
        Require(Namespace is null || LeaseName.IsNamespace(Namespace), nameof(Namespace), Namespace ?? "", LeaseName.NamespaceRule);
        Require(Token is null || !Token.Any(char.IsWhiteSpace), nameof(Token), "(not shown)", "must not have spaces or line ends in it");
        Require(RequestTimeout > TimeSpan.Zero, nameof(RequestTimeout), RequestTimeout, "must be above zero");
        Require(ConnectTimeout > TimeSpan.Zero, nameof(ConnectTimeout), ConnectTimeout, "must be above zero");
        Require(PollInterval > TimeSpan.Zero, nameof(PollInterval), PollInterval, "must be above zero");
        Require(WithdrawTimeout > TimeSpan.Zero, nameof(WithdrawTimeout), WithdrawTimeout, "must be above zero");
        Require(TryTimeout > TimeSpan.Zero, nameof(TryTimeout), TryTimeout, "must be above zero");
        Require(RetryIntervalMin > TimeSpan.Zero, nameof(RetryIntervalMin), RetryIntervalMin, "must be above zero");
        Require(RetryIntervalMax >= RetryIntervalMin, nameof(RetryIntervalMax), RetryIntervalMax, $"must not be below {nameof(RetryIntervalMin)}");
    }

    /// <summary>Without the token.</summary>
    public override string ToString() => $"{Server ?? "the pod's own cluster"}, namespace {Namespace ?? "of the service account"}";

    private static void Require(bool holds, string option, object value, string problem)
    {
        if (!holds)
            throw new ArgumentOutOfRangeException(option, value, $"{nameof(KubernetesClientOptions)}.{option} is '{value}': {problem}.");
    }
}

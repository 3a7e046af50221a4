using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Conclave.Kubernetes;

/// <summary>Where the API server is, what we show it and whom we believe: options, and what a pod finds in its own file system and environment where they are silent.</summary>
internal sealed record ClusterAccess(Uri Server, string Namespace, BearerToken Token, X509ChainPolicy? TrustOnly)
{
    /// <summary>Where Kubernetes puts the service account of a pod.</summary>
    public const string ServiceAccountFolder = "/var/run/secrets/kubernetes.io/serviceaccount";

    private const string HostVariable = "KUBERNETES_SERVICE_HOST";
    private const string PortVariable = "KUBERNETES_SERVICE_PORT";

    /// <exception cref="ArgumentException">Something is missing or makes no sense; the message names the option.</exception>
    public static ClusterAccess Resolve(KubernetesClientOptions options) => Resolve(options, Environment.GetEnvironmentVariable, ServiceAccountFolder);

    public static ClusterAccess Resolve(KubernetesClientOptions options, Func<string, string?> environment, string serviceAccountFolder)
    {
        var isInCluster = options.Server is null;
        var server = options.Server is { } chosen ? Parse(chosen) : InCluster(environment);
        var tokenFile = options.TokenFile ?? (isInCluster ? Path.Combine(serviceAccountFolder, "token") : null);
        var authorityFile = options.CertificateAuthorityFile ?? (isInCluster ? Path.Combine(serviceAccountFolder, "ca.crt") : null);
        var namespaceName = options.Namespace ?? NamespaceOf(Path.Combine(serviceAccountFolder, "namespace"));

        if (options.Token is not null && options.TokenFile is not null)
            throw Refused(nameof(options.TokenFile), "is set as well as Token: choose one");
        if (options.Token is null && tokenFile is not null && !File.Exists(tokenFile))
            throw Refused(nameof(options.TokenFile), $"is '{tokenFile}', which is not there: name the file with the bearer token, and in a pod leave automountServiceAccountToken on");
        var token = options.Token is { } shown ? BearerToken.Fixed(shown) : tokenFile is { } file ? BearerToken.InFile(file) : BearerToken.Fixed(null);
        if (server.Scheme == Uri.UriSchemeHttp && !IsLoopback(server))
            throw Refused(nameof(options.Server), $"is '{server}': cleartext is for a proxy on this machine only; write https://");
        return new ClusterAccess(server, namespaceName, token, authorityFile is { } authority && server.Scheme == Uri.UriSchemeHttps ? Trust(authority) : null);
    }

    private static Uri Parse(string server) =>
        Uri.TryCreate(server, UriKind.Absolute, out var address) && (address.Scheme == Uri.UriSchemeHttps || address.Scheme == Uri.UriSchemeHttp) && address.Query.Length == 0
            ? address
            : throw Refused(nameof(KubernetesClientOptions.Server), $"is '{server}': write it as https://host:6443");

    private static Uri InCluster(Func<string, string?> environment)
    {
        if (environment(HostVariable) is not { Length: > 0 } host || environment(PortVariable) is not { Length: > 0 } port)
            throw Refused(nameof(KubernetesClientOptions.Server), $"is not set and this process is in no pod ({HostVariable} and {PortVariable} are not set): set Server, Namespace, a token and CertificateAuthorityFile");
        return Parse($"https://{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{port}");
    }

    private static string NamespaceOf(string file) => File.Exists(file)
        ? File.ReadAllText(file).Trim()
        : throw Refused(nameof(KubernetesClientOptions.Namespace), "is not set and there is no service account that names it: set the namespace that keeps the Lease");

    [SuppressMessage("Reliability", "CA2000", Justification = "The certificates live as long as the policy that trusts them.")]
    private static X509ChainPolicy Trust(string file)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw Refused(nameof(KubernetesClientOptions.CertificateAuthorityFile), $"is '{file}', which cannot be read as PEM ({fault.Message})");
        }

        if (authorities.Count == 0)
            throw Refused(nameof(KubernetesClientOptions.CertificateAuthorityFile), $"is '{file}', which holds no certificate");
        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        policy.CustomTrustStore.AddRange(authorities);
        return policy;
    }

    private static bool IsLoopback(Uri server) => server.IsLoopback || (IPAddress.TryParse(server.Host, out var address) && IPAddress.IsLoopback(address));

    private static ArgumentException Refused(string option, string problem) => new($"{nameof(KubernetesClientOptions)}.{option} {problem}.", option);
}

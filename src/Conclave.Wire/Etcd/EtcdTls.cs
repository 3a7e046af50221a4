using System.Diagnostics.CodeAnalysis;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>What a client's options say about TLS, read from the files they name.</summary>
internal static class EtcdTls
{
    /// <summary>Null where nothing is said: the system's authorities, and no certificate of our own.</summary>
    /// <exception cref="ArgumentException">A file cannot be read or holds nothing, or what is said has no use.</exception>
    [SuppressMessage("Reliability", "CA2000", Justification = "The certificates live as long as the connections that show them.")]
    public static SslClientAuthenticationOptions? Of(EtcdClientOptions options, IReadOnlyList<GrpcAddress> addresses)
    {
        if (options is { CertificateAuthorityFile: null, CertificateFile: null, CertificateKeyFile: null }) return null;
        if (!addresses.Any(address => address.IsTls))
            throw EtcdClientOptions.Refused(nameof(options.Endpoints), "names no https:// endpoint, and certificates are for those only: write https://, or leave the certificates out");

        var tls = new SslClientAuthenticationOptions();
        if (options.CertificateAuthorityFile is { } authorities)
        {
            tls.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            tls.CertificateChainPolicy.CustomTrustStore.AddRange(Authorities(authorities));
        }

        if (options is { CertificateFile: null, CertificateKeyFile: null }) return tls;
        if (options.CertificateFile is not { } certificate) throw EtcdClientOptions.Refused(nameof(options.CertificateFile), $"is not set, and {nameof(options.CertificateKeyFile)} is: set both");
        if (options.CertificateKeyFile is not { } key) throw EtcdClientOptions.Refused(nameof(options.CertificateKeyFile), $"is not set, and {nameof(options.CertificateFile)} is: set both");
        tls.ClientCertificateContext = SslStreamCertificateContext.Create(OwnCertificate(certificate, key), additionalCertificates: null, offline: true);
        return tls;
    }

    private static X509Certificate2Collection Authorities(string file)
    {
        var authorities = new X509Certificate2Collection();
        try
        {
            authorities.ImportFromPemFile(file);
        }
        catch (Exception fault) when (IsUnreadable(fault))
        {
            throw EtcdClientOptions.Refused(nameof(EtcdClientOptions.CertificateAuthorityFile), $"is '{file}', which cannot be read as PEM ({fault.Message})");
        }

        return authorities.Count > 0 ? authorities : throw EtcdClientOptions.Refused(nameof(EtcdClientOptions.CertificateAuthorityFile), $"is '{file}', which holds no certificate");
    }

    private static X509Certificate2 OwnCertificate(string certificate, string key)
    {
        try
        {
            return X509Certificate2.CreateFromPemFile(certificate, key);
        }
        catch (Exception fault) when (IsUnreadable(fault))
        {
            throw EtcdClientOptions.Refused(nameof(EtcdClientOptions.CertificateFile), $"'{certificate}' and {nameof(EtcdClientOptions.CertificateKeyFile)} '{key}' cannot be read as a certificate and its private key in PEM ({fault.Message})");
        }
    }

    private static bool IsUnreadable(Exception fault) => fault is IOException or UnauthorizedAccessException or CryptographicException;
}

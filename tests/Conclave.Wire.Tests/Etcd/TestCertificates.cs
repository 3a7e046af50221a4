using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Conclave.Wire.Tests.Etcd;

/// <summary>An authority, a server's certificate for 127.0.0.1 and a client's, as PEM files in a directory of their own.</summary>
public sealed class TestCertificates : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conclave-certificates-");

    public TestCertificates()
    {
        var (from, until) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=test authority", authorityKey, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, pathLengthConstraint: 0, critical: true));
        using var authority = request.CreateSelfSigned(from, until);
        File.WriteAllText(Authority, authority.ExportCertificatePem());
        Issue("127.0.0.1", Server, ServerKey);
        Issue("dialer", Client, ClientKey);

        void Issue(string name, string file, string keyFile)
        {
            using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var wanted = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
            var names = new SubjectAlternativeNameBuilder();
            names.AddIpAddress(IPAddress.Loopback);
            wanted.CertificateExtensions.Add(names.Build());
            // Server and client, for etcd's gateway shows the server's certificate to the server.
            wanted.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], critical: false));
            using var issued = wanted.Create(authority, from, until, RandomNumberGenerator.GetBytes(8));
            File.WriteAllText(file, issued.ExportCertificatePem());
            File.WriteAllText(keyFile, key.ExportPkcs8PrivateKeyPem());
        }
    }

    public string Authority => PathOf("ca.pem");

    public string Server => PathOf("server.pem");

    public string ServerKey => PathOf("server.key");

    public string Client => PathOf("client.pem");

    public string ClientKey => PathOf("client.key");

    /// <summary>A file that is no certificate.</summary>
    public string Nonsense()
    {
        File.WriteAllText(PathOf("nonsense.pem"), "nonsense");
        return PathOf("nonsense.pem");
    }

    public void Dispose() => _directory.Delete(recursive: true);

    private string PathOf(string file) => Path.Combine(_directory.FullName, file);
}

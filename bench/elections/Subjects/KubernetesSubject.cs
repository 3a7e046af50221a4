using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Conclave.Bench.Elections.Machine;

namespace Conclave.Bench.Elections.Subjects;

/// <summary>
/// The API server of our own tests: no real one can run here. It says what the requests of the recipe cost us, and nothing about what a real server, with an etcd behind it, takes for them.
/// Each election is a Lease of its own, which its holder renews: there is no session to share.
/// </summary>
internal sealed class KubernetesSubject : Subject
{
    private const string Token = "bench-token";

    private readonly int _port = Kernel.FreePort();
    private string _authority = "";
    private Child? _server;

    public override string Name => "kubernetes";

    public override bool SharesSession => false;

    public override string[] AddressOf(int number) => ["kubernetes", $"https://127.0.0.1:{_port}", _authority, Token];

    public override async Task StartAsync(Place place)
    {
        var directory = place.New(Name);
        _authority = Path.Combine(directory, "ca.crt");
        var (authority, server) = MakeCertificates();
        await File.WriteAllTextAsync(_authority, authority);
        await File.WriteAllTextAsync(Path.Combine(directory, "server.pem"), server);
        await File.WriteAllTextAsync(Path.Combine(directory, "access.json"), JsonSerializer.Serialize(
            new Dictionary<string, string[]> { [Token] = ["get", "list", "watch", "create", "update", "patch", "delete"] }));
        _server = Child.Start(Name, Place.Dotnet, [Place.Built("Conclave.Kubernetes.Tests"), "api-server", directory, _port.ToString(CultureInfo.InvariantCulture)], directory);
        await _server.HearAsync("serving");
    }

    public override ValueTask DisposeAsync()
    {
        _server?.Dispose();
        return ValueTask.CompletedTask;
    }

    private static (string Authority, string Server) MakeCertificates()
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var root = new CertificateRequest("CN=bench-authority", rootKey, HashAlgorithmName.SHA256);
        root.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        using var authority = root.CreateSelfSigned(from, to);

        using var serverKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var server = new CertificateRequest("CN=bench-api-server", serverKey, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        server.CertificateExtensions.Add(names.Build());
        using var signed = server.Create(authority, from, to, [1, 2, 3, 4]);
        return (authority.ExportCertificatePem(), $"{signed.ExportCertificatePem()}\n{serverKey.ExportPkcs8PrivateKeyPem()}");
    }
}

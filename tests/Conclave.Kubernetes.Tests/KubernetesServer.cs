using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Conclave.Contract;
using Conclave.Kubernetes.Tests.ApiServer;

namespace Conclave.Kubernetes.Tests;

/// <summary>
/// The API server of these tests in a process of its own, on a port of its own on loopback, with an authority made for it: it can be killed and started again on its data, stopped and
/// continued. What is asked here is asked with an HTTP client of its own, not with the one under test.
/// </summary>
public sealed class KubernetesServer : IAsyncLifetime
{
    public const string Namespace = "default";
    public const string Token = "tester-token";

    private static readonly Lazy<(string Authority, string Server)> Certificates = new(MakeCertificates);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conclave-kubernetes-");
    private readonly int _port = LoopbackPorts.Free();
    private readonly HttpClient _http;
    private RunningProcess? _process;

    public KubernetesServer()
    {
        File.WriteAllText(AuthorityFile, Authority);
        File.WriteAllText(Path.Combine(Folder, Host.CertificateFile), Certificates.Value.Server);
        Allow((Token, ["get", "list", "watch", "create", "update", "patch", "delete"]));
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.ImportFromPem(Authority);
        _http = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = trust } }) { Timeout = TimeSpan.FromSeconds(30) };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
    }

    /// <summary>The certificate of the authority that vouches for the servers of this run, in PEM.</summary>
    public static string Authority => Certificates.Value.Authority;

    public IPEndPoint EndPoint => new(IPAddress.Loopback, _port);

    public string Address => $"https://127.0.0.1:{_port}";

    public string Folder => _directory.FullName;

    public string AuthorityFile => Path.Combine(Folder, Host.AuthorityFile);

    public Task InitializeAsync() => StartAsync();

    public async Task StartAsync()
    {
        _process = new RunningProcess(Environment.ProcessPath!, [typeof(KubernetesServer).Assembly.Location, Host.Word, Folder, $"{_port}"], Folder);
        await _process.LineAsync("serving");
    }

    public async Task KillAsync()
    {
        Signal(Contract.Signal.Kill);
        await _process!.ExitAsync();
        _process.Dispose();
    }

    public void Signal(Signal signal) => _process!.Signal(signal);

    public Task DisposeAsync()
    {
        _process?.Dispose();
        _http.Dispose();
        _directory.Delete(recursive: true);
        return Task.CompletedTask;
    }

    /// <summary>Which token may do what, from now on; any other is unknown.</summary>
    public void Allow(params (string Token, string[] Verbs)[] access) => Put(Steering.AccessFile, JsonSerializer.Serialize(access.ToDictionary(one => one.Token, one => one.Verbs)));

    /// <summary>Watches say nothing while this is so.</summary>
    public void Mute(bool isMute) => Put(Steering.MuteFile, isMute ? "" : null);

    /// <summary>Which verbs fail from now on, and with which code.</summary>
    public void Fail(params (string Verb, int Code)[] faults) =>
        Put(Steering.FaultFile, faults.Length > 0 ? JsonSerializer.Serialize(faults.ToDictionary(fault => fault.Verb, fault => fault.Code)) : null);

    /// <summary>Which kinds of <see cref="Writes"/> are done from now on and not answered: the connection is cut in place of that.</summary>
    public void LoseAnswers(params string[] kinds) => Put(Steering.LoseFile, JsonSerializer.Serialize(kinds));

    /// <summary>Which kinds of <see cref="Writes"/> wait from now on before they are done; all others that waited go on.</summary>
    public void Hold(params string[] kinds) => Put(Steering.HoldFile, JsonSerializer.Serialize(kinds));

    /// <summary>How many writes were done and not answered.</summary>
    public async Task<int> LostAsync() => (int)(await AccountAsync())["lost"]!;

    /// <summary>How many writes wait.</summary>
    public async Task<int> HeldAsync() => (int)(await AccountAsync())["held"]!;

    /// <summary>How many requests have failed by <see cref="Fail"/>.</summary>
    public async Task<int> FailedAsync(string verb) => (int?)(await AccountAsync())["failed"]![verb] ?? 0;

    /// <summary>How many watches of the Lease are open.</summary>
    public async Task<int> WatchesAsync(string lease) => (int?)(await AccountAsync())["watches"]![lease] ?? 0;

    /// <summary>What our clients spoke, once for each connection.</summary>
    public async Task<string[]> ProtocolsAsync() => [.. (await AccountAsync())["protocols"]!.AsArray().Select(protocol => (string)protocol!)];

    /// <summary>The Lease as JSON; null when there is none.</summary>
    public async Task<JsonObject?> GetAsync(string lease)
    {
        while (true)
        {
            try
            {
                using var answer = await _http.GetAsync(AddressOf(lease));
                return answer.StatusCode is HttpStatusCode.NotFound ? null : (await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonObject>())!;
            }
            catch (Exception away) when (away is HttpRequestException or OperationCanceledException)
            {
                await Task.Delay(20); // being started, or still stopped
            }
        }
    }

    public async Task<JsonNode> SpecAsync(string lease) => (await GetAsync(lease))!["spec"]!;

    public async Task DeleteAsync(string lease) => (await _http.DeleteAsync(AddressOf(lease))).EnsureSuccessStatusCode();

    public async Task PatchAsync(string lease, string patch)
    {
        using var body = new StringContent(patch, MediaTypeHeaderValue.Parse("application/merge-patch+json"));
        (await _http.PatchAsync(AddressOf(lease), body)).EnsureSuccessStatusCode();
    }

    /// <summary>Writes the object whole, as somebody who keeps nothing of what was there.</summary>
    public async Task PutAsync(string lease, string spec)
    {
        var metadata = new JsonObject { ["name"] = lease };
        if ((await GetAsync(lease))?["metadata"]?["resourceVersion"] is { } version)
            metadata["resourceVersion"] = version.DeepClone();
        using var answer = await _http.PutAsync(AddressOf(lease), JsonContent.Create(
            new JsonObject { ["apiVersion"] = "coordination.k8s.io/v1", ["kind"] = "Lease", ["metadata"] = metadata, ["spec"] = JsonNode.Parse(spec) }));
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    private async Task<JsonObject> AccountAsync() => (await _http.GetFromJsonAsync<JsonObject>($"{Address}{Host.AccountPath}"))!;

    private static (string Authority, string Server) MakeCertificates()
    {
        var (from, to) = (DateTimeOffset.UtcNow.AddDays(-30), DateTimeOffset.UtcNow.AddDays(365));
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authority = new CertificateRequest("CN=test authority", authorityKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        authority.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        using var root = authority.CreateSelfSigned(from, to);

        using var serverKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var server = new CertificateRequest("CN=kube-apiserver", serverKey, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        server.CertificateExtensions.Add(names.Build());
        using var signed = server.Create(root, from, to, [1, 2, 3, 4]);
        return (root.ExportCertificatePem(), $"{signed.ExportCertificatePem()}\n{serverKey.ExportPkcs8PrivateKeyPem()}");
    }

    private string AddressOf(string lease) => $"{Address}/apis/coordination.k8s.io/v1/namespaces/{Namespace}/leases/{lease}";

    private void Put(string file, string? content)
    {
        var path = Path.Combine(Folder, file);
        if (content is null)
        {
            File.Delete(path);
            return;
        }

        File.WriteAllText(path + ".new", content);
        File.Move(path + ".new", path, overwrite: true);
    }
}

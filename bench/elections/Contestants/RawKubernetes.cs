using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;

namespace Conclave.Bench.Elections.Contestants;

/// <summary>
/// The requests that no hand-over in a Lease can do without: one writes that nobody holds it, the other's watch says so, the other writes itself.
/// </summary>
internal sealed class RawKubernetes : IContestant
{
    private readonly HttpClient _http;
    private readonly string _leases;
    private readonly string _name;
    private readonly string _identity;
    private JsonObject? _lease;

    public RawKubernetes(string server, string authority, string token, string election, int number)
    {
        (_leases, _name, _identity) = ($"{server}/apis/coordination.k8s.io/v1/namespaces/default/leases", election, $"raw-{number}");
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.ImportFromPemFile(authority);
        _http = new HttpClient(new SocketsHttpHandler { SslOptions = { CertificateChainPolicy = trust } })
        {
            DefaultRequestVersion = HttpVersion.Version20,
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public async Task StandAsync()
    {
        using (var found = await _http.GetAsync($"{_leases}/{_name}"))
        {
            if (found.StatusCode is HttpStatusCode.NotFound)
            {
                _lease = await SendAsync(HttpMethod.Post, _leases, new JsonObject
                {
                    ["apiVersion"] = "coordination.k8s.io/v1",
                    ["kind"] = "Lease",
                    ["metadata"] = new JsonObject { ["name"] = _name, ["namespace"] = "default" },
                    ["spec"] = new JsonObject { ["holderIdentity"] = _identity, ["leaseDurationSeconds"] = 60, ["leaseTransitions"] = 0 },
                });
                return;
            }

            _lease = await found.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonObject>();
        }

        if (!IsFree(_lease!))
            _lease = await UntilFreeAsync((string)_lease!["metadata"]!["resourceVersion"]!);
        await HoldAsync(_identity);
    }

    public Task ResignAsync() => HoldAsync("");

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private static bool IsFree(JsonObject lease) => string.IsNullOrEmpty((string?)lease["spec"]!["holderIdentity"]);

    private async Task<JsonObject> UntilFreeAsync(string version)
    {
        var watch = $"{_leases}?watch=true&fieldSelector=metadata.name%3D{_name}&resourceVersion={version}";
        using var reader = new StreamReader(await _http.GetStreamAsync(watch));
        while (await reader.ReadLineAsync() is { } line)
        {
            if (JsonNode.Parse(line)!["object"] is JsonObject lease && lease["spec"] is not null && IsFree(lease))
                return (JsonObject)lease.DeepClone();
        }

        throw new InvalidOperationException("The watch ended.");
    }

    private async Task HoldAsync(string holder)
    {
        _lease!["spec"]!["holderIdentity"] = holder;
        _lease = await SendAsync(HttpMethod.Put, $"{_leases}/{_name}", _lease);
    }

    private async Task<JsonObject> SendAsync(HttpMethod method, string address, JsonObject lease)
    {
        using var request = new HttpRequestMessage(method, address) { Content = JsonContent.Create(lease), Version = HttpVersion.Version20 };
        using var answer = await _http.SendAsync(request);
        return (await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonObject>())!;
    }
}

using System.Globalization;
using System.Text.Json.Nodes;
using Conclave.Kubernetes.Tests;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary><c>election observe</c> with <c>--backend kubernetes</c>, against the API server of that backend's tests.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class ObserveOnKubernetesTests : IAsyncLifetime
{
    private readonly LedPrograms _programs = new();
    private readonly KubernetesServer _server = new();

    public async Task InitializeAsync()
    {
        _programs.Write("token", KubernetesServer.Token);
        await _server.InitializeAsync();
    }

    public async Task DisposeAsync()
    {
        await _programs.EndAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task Observe_tells_the_vacancy_the_leader_its_removal_and_the_next()
    {
        using var observing = await ObservingProgram.StartAsync(_programs.Directory, ["billing/dialer", "--count", "3", .. Where]);
        _programs.Conclave(["lead", "billing/dialer", "--ttl", "600", "--grace", "0.3", "--value", "one", .. Where, "--", "python3", LedPrograms.Program]);
        var first = await _programs.StartAsync(1);
        var resigned = await _programs.RunAsync(["election", "resign", "billing/dialer", "--token", Text(first.Token), .. Where]);
        Assert.True(resigned.Code == 0, resigned.ToString());
        var second = await _programs.StartAsync(2); // the same, at the end of a line of one

        var told = await observing.EndAsync();
        Assert.Equal([null, ("one", first.Token), null, ("one", second.Token)], told.Select(Leader));
        Assert.All(told, line => Assert.Equal((1, "billing/dialer", false), (line["v"]!.GetValue<int>(), line["name"]!.GetValue<string>(), line["gap"]!.GetValue<bool>())));
    }

    [Fact]
    public async Task Observe_tells_a_holder_that_is_no_candidate_of_ours()
    {
        await _server.PutAsync("billing.dialer", """{"holderIdentity": "go-7c9_5e", "leaseDurationSeconds": 3600, "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z", "leaseTransitions": 3}""");
        using var observing = await ObservingProgram.StartAsync(_programs.Directory, ["billing/dialer", "--count", "0", .. Where]);
        Assert.Equal([("go-7c9_5e", 0L)], (await observing.EndAsync()).Select(Leader));
    }

    private string[] Where =>
        ["--backend", "kubernetes", "--endpoints", $"{_server.Address}?namespace={KubernetesServer.Namespace}&token_file={Path.Combine(_programs.Directory, "token")}&ca_file={_server.AuthorityFile}"];

    private static string Text(long token) => token.ToString(CultureInfo.InvariantCulture);

    private static (string Value, long Token)? Leader(JsonNode line) => line["leader"] is { } leader ? (leader["value"]!.GetValue<string>(), leader["token"]!.GetValue<long>()) : null;
}

using Conclave.Contract;
using static Conclave.Contract.Awaited;

namespace Conclave.Kubernetes.Tests;

/// <summary>How a client speaks with the server.</summary>
public sealed class ConnectionTests : IAsyncLifetime
{
    private readonly KubernetesServer _server = new();

    public Task InitializeAsync() => _server.StartAsync();

    public Task DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task All_that_a_client_asks_goes_over_one_connection_with_HTTP_2()
    {
        await using var bench = new ElectionBench(_server, "one/connection");
        await using var client = new KubernetesClient(bench.Options);
        await using var observing = new KubernetesElection(client, bench.Election);
        await using var observer = new Observer(observing);
        await observer.UntilAsync("the observer watches", seen => seen.Count == 1);

        // Watches that end, and requests beside them: over HTTP/1.1 each of these would have taken a connection.
        await using var first = new KubernetesElection(client, bench.Election);
        await using var second = new KubernetesElection(client, bench.Election);
        var leads = await ElectedAsync(first);
        for (var turn = 0; turn < 5; turn++)
        {
            var waiting = (turn % 2 == 0 ? second : first).CampaignAsync(default);
            await leads.ResignAsync(default);
            leads = await waiting.WaitAsync(Deadline);
        }

        Assert.Equal(["HTTP/2"], await _server.ProtocolsAsync());
    }
}

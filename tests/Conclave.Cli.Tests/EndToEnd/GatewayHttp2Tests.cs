using System.Diagnostics;
using System.Net;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary><c>h2c://</c> in <c>gateway.listen</c>: HTTP/2 without TLS, beside HTTP/1.1 at its own address, to the same services.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class GatewayHttp2Tests : IAsyncLifetime
{
    private readonly RunningCluster _cluster = RunningCluster.Create(RunningCluster.WebOf(replicas: 2), cluster: "nodes: 1", http2: true);

    public async Task InitializeAsync()
    {
        var status = await _cluster.UpAsync();
        Assert.Equal([Address(_cluster.Url, "http"), Address(_cluster.Http2Url!, "h2c")], status.Urls.ToArray());
    }

    public Task DisposeAsync() => _cluster.DisposeAsync().AsTask();

    [Fact]
    public async Task Clients_speak_http2_at_its_address_http1_at_the_other_and_each_only_there()
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });

        // Fifty at once share connections, which is what HTTP/2 is for; both gateways answer, as they share this socket too.
        var answers = await Task.WhenAll(Enumerable.Range(1, 50).Select(async n =>
        {
            using var answer = await AskAsync(http, _cluster.Http2Url!, HttpVersion.Version20, $"number {n}");
            return (answer.StatusCode, answer.Version, Text: await answer.Content.ReadAsStringAsync());
        }));
        Assert.Equal(Enumerable.Range(1, 50).Select(n => (HttpStatusCode.OK, HttpVersion.Version20, $"number {n}")), answers);

        using (var answer = await AskAsync(http, _cluster.Url, HttpVersion.Version11, "over HTTP/1.1"))
            Assert.Equal((HttpVersion.Version11, "over HTTP/1.1"), (answer.Version, await answer.Content.ReadAsStringAsync()));
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => AskAsync(http, _cluster.Url, HttpVersion.Version20, ""));
    }

    [Fact]
    public async Task Instance_that_is_killed_costs_no_get_over_http2()
    {
        var before = await _cluster.HealthyAsync();
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var ending = new CancellationTokenSource();
        var asked = 0;
        var client = Task.Run(async () =>
        {
            for (; !ending.IsCancellationRequested; Interlocked.Increment(ref asked))
            {
                using var answer = await AskAsync(http, _cluster.Http2Url!, HttpVersion.Version20);
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            }
        });
        await Waiting.UntilAsync("20 answers came", () => client.IsCompleted || Volatile.Read(ref asked) > 20, () => "they did not");

        await _cluster.DoAsync("kill", "web/1");

        await _cluster.UntilAsync("web/1 is another process", s => s.State == ClusterState.Healthy && s.Instance("web/1").Pid != before.Instance("web/1").Pid);
        await ending.CancelAsync();
        await client;
    }

    [NeedsFact("h2load")]
    public async Task A_load_program_that_is_none_of_ours_gets_each_of_its_answers()
    {
        using var load = Process.Start(new ProcessStartInfo("h2load", ["-n", "1000", "-c", "4", "-m", "10", _cluster.Http2Url!.ToString()]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (said, complained) = (ConclaveProgram.ReadAsync(load.StandardOutput), ConclaveProgram.ReadAsync(load.StandardError));
        await load.WaitForExitAsync();
        Assert.Contains("1000 succeeded, 0 failed, 0 errored, 0 timeout", await said + await complained, StringComparison.Ordinal);
        Assert.Contains("h2c", await said, StringComparison.Ordinal);
    }

    private static string Address(Uri url, string scheme) => $"{scheme}://{url.Authority}";

    /// <summary>A POST when there is a body to send; in exactly this version from the first byte.</summary>
    private static Task<HttpResponseMessage> AskAsync(HttpClient http, Uri url, Version version, string? body = null) =>
        http.SendAsync(new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, url)
        {
            Version = version,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = body is null ? null : new StringContent(body),
        });
}

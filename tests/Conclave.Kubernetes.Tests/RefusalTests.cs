using System.Net;
using System.Net.Sockets;
using Conclave.Contract;
using static Conclave.Contract.Awaited;

namespace Conclave.Kubernetes.Tests;

/// <summary>What is wrong is said once, with the option and the remedy.</summary>
public sealed class RefusalTests(KubernetesServer server) : IClassFixture<KubernetesServer>, IAsyncLifetime
{
    private static readonly string[] Verbs = ["get", "list", "watch", "create", "update"];

    private readonly ElectionBench _bench = new(server, $"shared/e{Guid.NewGuid():n}");

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _bench.DisposeAsync();

    [Theory]
    [InlineData("list")]
    [InlineData("create")]
    [InlineData("update")]
    public async Task A_campaign_without_a_right_names_the_verb_that_is_missing(string verb)
    {
        var refused = await Assert.ThrowsAsync<ElectionException>(() => ElectedAsync(WithoutTheRight(verb)));
        Assert.Contains($"'{verb}' leases.coordination.k8s.io in namespace default", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Role", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_may_not_watch_is_told_so_when_it_has_to_wait()
    {
        await using var leadership = await ElectedAsync(_bench.NewElection("a"));
        var refused = await Assert.ThrowsAsync<ElectionException>(() => ElectedAsync(WithoutTheRight("watch")));
        Assert.Contains("'watch'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task So_does_a_question_for_the_leader()
    {
        var refused = await Assert.ThrowsAsync<ElectionException>(() => WithoutTheRight("get").GetLeaderAsync(default));
        Assert.Contains("'get'", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("list")]
    [InlineData("watch")]
    public async Task So_does_an_observer(string verb)
    {
        await using var observer = new Observer(WithoutTheRight(verb));
        var refused = await Assert.ThrowsAsync<ElectionException>(() => observer.UntilAsync("it is refused", _ => false));
        Assert.Contains($"'{verb}'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_five_verbs_of_the_page_are_enough()
    {
        server.Allow((KubernetesServer.Token, [.. Verbs, "delete", "patch"]), ("five", Verbs));
        var election = _bench.NewElection("a", options: _bench.Options with { Token = "five" });
        await using (await ElectedAsync(election))
            Assert.Equal("a", (await election.GetLeaderAsync(default))!.Value);
    }

    [Fact]
    public async Task A_token_that_the_server_does_not_know_is_told()
    {
        var refused = await Assert.ThrowsAsync<ElectionException>(() => ElectedAsync(_bench.NewElection("a", options: _bench.Options with { Token = "nobody" })));
        Assert.Contains(nameof(KubernetesClientOptions.TokenFile), refused.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("nobody", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_namespace_that_is_not_there_is_told()
    {
        var refused = await Assert.ThrowsAsync<ElectionException>(() => ElectedAsync(_bench.NewElection("a", options: _bench.Options with { Namespace = "nowhere" })));
        Assert.Contains("\"nowhere\" not found", refused.Message, StringComparison.Ordinal);
        Assert.Contains(nameof(KubernetesClientOptions.Namespace), refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_that_nobody_trusted_vouches_for_is_told()
    {
        var refused = await Assert.ThrowsAsync<ElectionException>(() => ElectedAsync(_bench.NewElection("a", options: _bench.Options with { CertificateAuthorityFile = null })));
        Assert.Contains(nameof(KubernetesClientOptions.CertificateAuthorityFile), refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_endpoint_that_nobody_listens_at_is_unavailable_to_who_asks_and_waited_out_by_who_campaigns()
    {
        using var nobody = new TcpListener(IPAddress.Loopback, 0);
        nobody.Start();
        var address = $"https://{nobody.LocalEndpoint}";
        nobody.Stop();
        var election = _bench.NewElection("a", options: _bench.Options with { Server = address, TryTimeout = TimeSpan.FromSeconds(5) });
        var told = await Assert.ThrowsAsync<ElectionUnavailableException>(() => election.GetLeaderAsync(default));
        Assert.Contains(nameof(KubernetesClientOptions.Server), told.Message, StringComparison.Ordinal);
        Assert.Contains("refused", told.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ElectionUnavailableException>(() => election.TryCampaignAsync(default));
        using var enough = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => election.CampaignAsync(enough.Token));
    }

    [Theory]
    [InlineData("""{"holderIdentity": "node-1", "leaseDurationSeconds": 40, "renewTime": "2026-01-01T00:00:00.000000Z"}""", "heartbeat")]
    [InlineData("""{"holderIdentity": "x", "acquireTime": "2026-01-01T00:00:00.000000Z", "renewTime": "2026-01-01T00:00:00.000000Z"}""", "leaseDurationSeconds")]
    [InlineData("""{"strategy": "OldestEmulationVersion"}""", "strategy")]
    public async Task A_Lease_of_another_format_is_left_alone_and_told(string spec, string problem)
    {
        await server.PutAsync(_bench.Lease, spec);
        var before = (await server.GetAsync(_bench.Lease))!.ToJsonString();
        var election = _bench.NewElection("a");
        foreach (var ask in (Func<Task>[])[() => ElectedAsync(election), () => election.TryCampaignAsync(default), () => election.GetLeaderAsync(default)])
        {
            var refused = await Assert.ThrowsAsync<ElectionException>(ask);
            Assert.Contains(problem, refused.Message, StringComparison.Ordinal);
            Assert.Contains($"Lease default/{_bench.Lease}", refused.Message, StringComparison.Ordinal);
            Assert.Contains(nameof(KubernetesElectionOptions.LeaseName), refused.Message, StringComparison.Ordinal);
        }

        await using var observer = new Observer(election);
        await Assert.ThrowsAsync<ElectionException>(() => observer.UntilAsync("it is refused", _ => false));
        Assert.Equal(before, (await server.GetAsync(_bench.Lease))!.ToJsonString());
    }

    [Fact]
    public async Task Two_elections_whose_names_become_one_Lease_do_not_mix()
    {
        await using var leadership = await ElectedAsync(_bench.NewElection("a"));
        await using var other = new ElectionBench(server, _bench.Election.Replace('/', '.'));
        var refused = await Assert.ThrowsAsync<ElectionException>(() => ElectedAsync(other.NewElection("b")));
        Assert.Contains($"belongs to the election '{_bench.Election}'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_that_expires_costs_nothing_when_its_file_holds_the_next()
    {
        var file = Path.Combine(server.Folder, $"token-{Guid.NewGuid():n}");
        await File.WriteAllTextAsync(file, "old");
        server.Allow((KubernetesServer.Token, [.. Verbs]), ("old", Verbs));
        await using var leadership = await ElectedAsync(_bench.NewPatient("a", _bench.Options with { Token = null, TokenFile = file }));
        await File.WriteAllTextAsync(file, "new");
        server.Allow((KubernetesServer.Token, [.. Verbs]), ("new", Verbs));

        var renewals = 0;
        var end = leadership.EndsAt!.Value;
        await UntilAsync("renewed with the new token", () =>
        {
            if (leadership.EndsAt > end)
                (end, renewals) = (leadership.EndsAt.Value, renewals + 1);
            return Task.FromResult(renewals > 2);
        });
        Assert.True(leadership.IsHeld);
    }

    private KubernetesElection WithoutTheRight(string verb)
    {
        server.Allow((KubernetesServer.Token, [.. Verbs, "delete", "patch"]), ("limited", [.. Verbs.Where(allowed => allowed != verb)]));
        return _bench.NewElection("a", options: _bench.Options with { Token = "limited" });
    }
}

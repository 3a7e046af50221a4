using Conclave.Contract;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Conclave.Kubernetes.Tests;

/// <summary>Generic hosts against the API server, configured in code and from the configuration.</summary>
public sealed class HostingTests(KubernetesServer server) : IClassFixture<KubernetesServer>
{
    private const string Section = "Conclave:Elections:jobs";

    [Fact]
    public async Task Of_two_hosts_one_works_and_when_it_stops_the_other_does()
    {
        var election = $"billing/e{Guid.NewGuid():n}";
        var (first, second) = (new HostedWork("first"), new HostedWork("second"));
        using var leading = NewHost(services => services.AddSingleton(first).AddLeaderElection(election, e => e.UseKubernetes(InCode)).AddLeaderService<HostedWork.Service>());
        using var waiting = NewHost(
            services => services.AddSingleton(second).AddLeaderElection(election, e => e.UseKubernetes()).AddLeaderService<HostedWork.Service>(),
            ($"Conclave:Elections:{election}:Kubernetes:Server", server.Address),
            ($"Conclave:Elections:{election}:Kubernetes:Token", KubernetesServer.Token),
            ($"Conclave:Elections:{election}:Kubernetes:CertificateAuthorityFile", server.AuthorityFile),
            ($"Conclave:Elections:{election}:Kubernetes:Namespace", KubernetesServer.Namespace),
            ($"Conclave:Elections:{election}:Kubernetes:Identity", "second"),
            ($"Conclave:Elections:{election}:Lease:Ttl", "20s"));
        await leading.StartAsync();
        var old = await first.WorksAsync();
        await waiting.StartAsync();
        await leading.StopAsync();
        var next = await second.WorksAsync();
        Assert.True(next.FencingToken > old.FencingToken);
        Assert.StartsWith("second_", (string)(await server.SpecAsync(election.Replace('/', '.')))["holderIdentity"]!, StringComparison.Ordinal);
        Assert.Equal(20, (int)(await server.SpecAsync(election.Replace('/', '.')))["leaseDurationSeconds"]!);
        await waiting.StopAsync();
    }

    [Fact]
    public async Task A_container_that_is_disposed_synchronously_gives_back_in_the_background_what_it_held()
    {
        var election = $"billing/e{Guid.NewGuid():n}";
        var provider = new ServiceCollection()
            .AddLeaderElection(election, e => e.UseKubernetes(InCode).Configure(options => options.Lease = new LeaseOptions { Ttl = TimeSpan.FromHours(1) })).Services.BuildServiceProvider();
        var leadership = await Awaited.ElectedAsync(provider.GetRequiredKeyedService<ILeaderElection>(election));

        provider.Dispose();

        Assert.True(leadership.Lost.IsCancellationRequested);
        await Awaited.UntilAsync("the Lease is free", async () => (string?)(await server.SpecAsync(election.Replace('/', '.')))["holderIdentity"] is null or ""); // long before the Lease ends
    }

    [Theory]
    [InlineData("Kubernetes:RequestTimeout", "0s", "Kubernetes:RequestTimeout is '00:00:00': must be above zero")]
    [InlineData("Kubernetes:Serverr", "https://a", "Kubernetes:Serverr is not an option. Known: CertificateAuthorityFile, ConnectTimeout")]
    [InlineData("Kubernetes:Server", "http://10.0.0.1:8001", "Kubernetes:Server is 'http://10.0.0.1:8001/': cleartext")]
    [InlineData("Kubernetes:CertificateAuthorityFile", "/nowhere/ca.crt", "Kubernetes:CertificateAuthorityFile is '/nowhere/ca.crt'")]
    [InlineData("Kubernetes:Namespace", "Team A", "Kubernetes:Namespace is 'Team A'")]
    [InlineData("Kubernetes:LeaseName", "Jobs", "Kubernetes: KubernetesElectionOptions.LeaseName is 'Jobs'")]
    [InlineData("Lease:Ttl", "2500ms", "Lease:Ttl is 2.5 s, but a Kubernetes Lease counts in whole seconds from 1 on: choose 3 s")]
    public async Task A_bad_option_fails_the_start_with_one_error_that_names_it(string key, string value, string problem)
    {
        using var host = NewHost(
            services => services.AddLeaderElection("jobs", e => e.UseKubernetes()),
            ($"{Section}:Kubernetes:Server", "https://a"), ($"{Section}:Kubernetes:Namespace", "a"), ($"{Section}:{key}", value));
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.StartsWith($"{Section}:{problem}", Assert.Single(refused.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Elections_that_would_share_a_Lease_are_refused()
    {
        using var host = NewHost(services =>
        {
            services.AddLeaderElection("jobs/a", e => e.UseKubernetes(InCode));
            services.AddLeaderElection("jobs.a", e => e.UseKubernetes(InCode));
        });
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Contains("'jobs.a', which is that of jobs.a too", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Elections_that_agree_share_a_client()
    {
        await using var clients = new KubernetesClients();
        var options = new KubernetesClientOptions { Server = "https://a", Namespace = "a" };
        Assert.Same(clients.For(options), clients.For(options with { }));
        Assert.NotSame(clients.For(options), clients.For(options with { Namespace = "b" }));
        Assert.Equal(2, clients.Count);
    }

    private static IHost NewHost(Action<IServiceCollection> configure, params (string Key, string Value)[] configuration)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        var pairs = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var (key, value) in configuration)
            pairs[key] = value;
        builder.Configuration.AddInMemoryCollection(pairs);
        configure(builder.Services);
        return builder.Build();
    }

    private void InCode(KubernetesBackendOptions options)
    {
        options.Server = server.Address;
        options.Token = KubernetesServer.Token;
        options.CertificateAuthorityFile = server.AuthorityFile;
        options.Namespace = KubernetesServer.Namespace;
    }
}

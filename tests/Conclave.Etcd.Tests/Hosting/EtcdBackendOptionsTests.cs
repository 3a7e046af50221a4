using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Conclave.Etcd.Tests.Hosting;

public sealed class EtcdBackendOptionsTests
{
    private const string Section = "Conclave:Elections:jobs";

    [Theory]
    [InlineData("Endpoints", "", "Etcd:Endpoints is empty: name at least one")]
    [InlineData("Endpoints", "ftp://host", "Etcd:Endpoints: endpoint 'ftp://host' is none of http://host:port, https://host:port, host:port, unix:///path.")]
    [InlineData("Endpoints", "http://a:2379, https://who:secret@b:2379", "Etcd:Endpoints: endpoint 'https://who:secret@b:2379' is none of http://host:port, https://host:port")]
    [InlineData("Credentials", "nobody", "Etcd:Credentials must be 'name:password'")]
    [InlineData("CertificateAuthorityFile", "/ca.pem", "Etcd:Endpoints names no https:// endpoint, and certificates are for those only")]
    [InlineData("Endpoint", "http://a:2379", "Etcd:Endpoint is not an option. Known: CertificateAuthorityFile, CertificateFile, CertificateKeyFile, ConnectTimeout, Credentials, Endpoints, ")]
    [InlineData("RequestTimeout", "-1s", "Etcd:RequestTimeout is -00:00:01: must be above zero")]
    [InlineData("ConnectTimeout", "0s", "Etcd:ConnectTimeout is 00:00:00: must be above zero")]
    [InlineData("WithdrawTimeout", "soon", "Etcd:WithdrawTimeout is 'soon': write a duration")]
    [InlineData("TryTimeout", "0ms", "Etcd:TryTimeout is 00:00:00: must be above zero")]
    public async Task A_bad_option_fails_the_start_with_one_error_that_names_it(string key, string value, string problem)
    {
        using var host = NewHost(builder => builder.AddLeaderElection("jobs", e => e.UseEtcd()), ($"{Section}:Etcd:Endpoints", "http://a:2379"), ($"{Section}:Etcd:{key}", value));
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.StartsWith($"{Section}:{problem}", Assert.Single(refused.Failures), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Elections_whose_keys_would_mix_are_refused()
    {
        using var host = NewHost(services =>
        {
            services.AddLeaderElection("jobs", e => e.UseEtcd("http://a:2379"));
            services.AddLeaderElection("jobs/nightly", e => e.UseEtcd("http://a:2379"));
        });
        var refused = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Contains("candidates of jobs/nightly would stand in jobs too", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_too_long_for_etcd_is_refused()
    {
        using var host = NewHost(services => services.AddLeaderElection(new string('x', EtcdElection.NameBytesMax + 1), e => e.UseEtcd("http://a:2379")));
        Assert.Contains("more than 4096 bytes", (await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Endpoints_in_code_win_over_the_configuration_and_both_may_name_several()
    {
        using var host = NewHost(
            services =>
            {
                services.AddLeaderElection("jobs", e => e.UseEtcd("http://code:1", "code:2"));
                services.AddLeaderElection("other", e => e.UseEtcd());
            },
            ($"{Section}:Etcd:Endpoints", "http://configuration:1"), ("Conclave:Elections:other:Etcd:Endpoints:0", "http://a:1"), ("Conclave:Elections:other:Etcd:Endpoints:1", "http://b:1"));
        var options = host.Services.GetRequiredService<IOptionsMonitor<EtcdBackendOptions>>();
        Assert.Equal(["http://code:1", "code:2"], options.Get("jobs").Endpoints);
        Assert.Equal(["http://a:1", "http://b:1"], options.Get("other").Endpoints);
    }

    [Fact]
    public async Task Elections_that_agree_share_a_session_and_those_that_do_not_have_their_own()
    {
        await using var sessions = new EtcdSessions();
        var (a, b) = (new EtcdBackendOptions { Endpoints = ["http://a:1"] }, new EtcdBackendOptions { Endpoints = ["http://b:1"] });
        var shared = sessions.For(a, new LeaseOptions());
        Assert.Same(shared, sessions.For(new EtcdBackendOptions { Endpoints = ["http://a:1"] }, new LeaseOptions()));
        Assert.NotSame(shared, sessions.For(b, new LeaseOptions()));
        Assert.NotSame(shared, sessions.For(a, new LeaseOptions { Ttl = TimeSpan.FromSeconds(9) }));
        Assert.Equal(3, sessions.Count);
    }

    [Theory]
    [InlineData(3, 1, 1)]
    [InlineData(3, 3, 3)]
    [InlineData(1, 1, 0.5)]
    [InlineData(600, 2, 10)]
    public void A_request_may_take_a_third_of_the_lease_for_each_endpoint(int ttl, int endpoints, double seconds)
    {
        var options = new EtcdBackendOptions { Endpoints = [.. Enumerable.Range(0, endpoints).Select(number => $"http://host-{number}:1")] };
        Assert.Equal(TimeSpan.FromSeconds(seconds), options.ClientOptions(new LeaseOptions { Ttl = TimeSpan.FromSeconds(ttl) }).RequestTimeout);
        options.RequestTimeout = TimeSpan.FromSeconds(42);
        Assert.Equal(TimeSpan.FromSeconds(42), options.ClientOptions(new LeaseOptions()).RequestTimeout);
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
}

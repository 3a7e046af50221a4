namespace Conclave.Kubernetes.Tests;

public sealed class OptionsTests : IDisposable
{
    private readonly DirectoryInfo _pod = Directory.CreateTempSubdirectory("conclave-pod-");

    public void Dispose() => _pod.Delete(recursive: true);

    [Fact]
    public void A_pod_needs_no_options()
    {
        var access = Resolve(new KubernetesClientOptions());
        Assert.Equal("https://10.96.0.1:6443/", access.Server.AbsoluteUri);
        Assert.Equal("team-a", access.Namespace);
        Assert.Equal("first", access.Token.Read());
        Assert.NotNull(access.TrustOnly);
    }

    [Fact]
    public void A_token_that_is_replaced_in_its_file_is_read_again()
    {
        var access = Resolve(new KubernetesClientOptions());
        Assert.Equal("first", access.Token.Read());
        var file = Path.Combine(_pod.FullName, "token");
        File.WriteAllText(file, "second\n");
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddMinutes(1));
        Assert.Equal("second", access.Token.Read());
        File.Delete(file);
        Assert.Equal("second", access.Token.Read());
    }

    [Fact]
    public void An_IPv6_cluster_has_its_address_in_brackets() => Assert.Equal("https://[fd00::1]:6443/", Resolve(new KubernetesClientOptions(), "fd00::1").Server.AbsoluteUri);

    [Fact]
    public void Options_win_over_the_pods_own()
    {
        var access = Resolve(new KubernetesClientOptions { Server = "https://elsewhere:6443", Token = "mine", Namespace = "mine" });
        Assert.Equal("https://elsewhere:6443/", access.Server.AbsoluteUri);
        Assert.Equal(("mine", "mine"), (access.Namespace, access.Token.Read()));
        Assert.Null(access.TrustOnly);
    }

    public static TheoryData<string, KubernetesClientOptions> Missing => new()
    {
        { nameof(KubernetesClientOptions.Server), new() },
        { nameof(KubernetesClientOptions.Server), new() { Server = "kubernetes", Namespace = "a" } },
        { nameof(KubernetesClientOptions.Server), new() { Server = "http://10.0.0.1:8001", Namespace = "a" } },
        { nameof(KubernetesClientOptions.Namespace), new() { Server = "https://a" } },
        { nameof(KubernetesClientOptions.TokenFile), new() { Server = "https://a", Namespace = "a", TokenFile = "/nowhere/token" } },
        { nameof(KubernetesClientOptions.TokenFile), new() { Server = "https://a", Namespace = "a", TokenFile = "/dev/null", Token = "x" } },
        { nameof(KubernetesClientOptions.CertificateAuthorityFile), new() { Server = "https://a", Namespace = "a", CertificateAuthorityFile = "/nowhere/ca.crt" } },
        { nameof(KubernetesClientOptions.CertificateAuthorityFile), new() { Server = "https://a", Namespace = "a", CertificateAuthorityFile = "/dev/null" } },
    };

    [Theory]
    [MemberData(nameof(Missing))]
    public void What_is_missing_outside_of_a_pod_is_named(string option, KubernetesClientOptions options)
    {
        var refused = Assert.Throws<ArgumentException>(() => ClusterAccess.Resolve(options, _ => null, "/nowhere"));
        Assert.Equal(option, refused.ParamName);
        Assert.Contains($"{nameof(KubernetesClientOptions)}.{option}", refused.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, KubernetesClientOptions> Invalid => new()
    {
        { nameof(KubernetesClientOptions.Namespace), Default with { Namespace = "Team A" } },
        { nameof(KubernetesClientOptions.RequestTimeout), Default with { RequestTimeout = TimeSpan.Zero } },
        { nameof(KubernetesClientOptions.ConnectTimeout), Default with { ConnectTimeout = TimeSpan.Zero } },
        { nameof(KubernetesClientOptions.PollInterval), Default with { PollInterval = TimeSpan.Zero } },
        { nameof(KubernetesClientOptions.WithdrawTimeout), Default with { WithdrawTimeout = TimeSpan.Zero } },
        { nameof(KubernetesClientOptions.TryTimeout), Default with { TryTimeout = TimeSpan.Zero } },
        { nameof(KubernetesClientOptions.RetryIntervalMin), Default with { RetryIntervalMin = TimeSpan.Zero } },
        { nameof(KubernetesClientOptions.RetryIntervalMax), Default with { RetryIntervalMax = TimeSpan.FromMilliseconds(1) } },
    };

    [Theory]
    [MemberData(nameof(Invalid))]
    public void What_makes_no_sense_is_refused_by_name_where_the_client_is_made(string option, KubernetesClientOptions options) =>
        Assert.Equal(option, Assert.ThrowsAny<ArgumentException>(() => new KubernetesClient(options)).ParamName);

    [Fact]
    public void A_token_is_not_in_the_options_text() => Assert.DoesNotContain("secret", (Default with { Token = "secret" }).ToString(), StringComparison.Ordinal);

    [Theory]
    [InlineData(0.5, "1 s")]
    [InlineData(1.5, "2 s")]
    public async Task A_TTL_that_no_Lease_can_say_is_refused_with_one_that_it_can(double seconds, string remedy)
    {
        await using var client = new KubernetesClient(Default);
        var options = new KubernetesElectionOptions { Lease = new LeaseOptions { Ttl = TimeSpan.FromSeconds(seconds), StopMargin = TimeSpan.Zero } };
        var refused = Assert.Throws<ArgumentException>(() => new KubernetesElection(client, "jobs", options));
        Assert.Contains("Lease.Ttl", refused.Message, StringComparison.Ordinal);
        Assert.Contains($"choose {remedy}", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("jobs", "jobs")]
    [InlineData("billing/dialer", "billing.dialer")]
    [InlineData("a.b-c/d", "a.b-c.d")]
    public void A_name_is_that_of_the_Lease_with_dots_for_slashes(string election, string lease) => Assert.Equal(lease, LeaseName.Of(election, null));

    [Fact]
    public void A_chosen_name_is_taken_as_it_is() => Assert.Equal("controller-lock", LeaseName.Of("Any Name", "controller-lock"));

    [Theory]
    [InlineData("Jobs")]
    [InlineData("two words")]
    [InlineData("/jobs")]
    [InlineData("jobs/")]
    [InlineData("a//b")]
    [InlineData("-jobs")]
    [InlineData("a-/b")]
    [InlineData("snake_case")]
    [InlineData("jobs\n")]
    [InlineData("Zoë")]
    public void A_name_that_Kubernetes_cannot_store_is_refused_with_a_remedy(string name)
    {
        Assert.Contains(nameof(KubernetesElectionOptions.LeaseName), Assert.Throws<ArgumentException>(() => LeaseName.Of(name, null)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => LeaseName.Of("jobs", name));
    }

    [Fact]
    public async Task A_name_value_or_identity_that_is_too_long_is_refused_where_the_election_is_made()
    {
        await using var client = new KubernetesClient(Default);
        Assert.Throws<ArgumentException>(() => new KubernetesElection(client, new string('x', LeaseName.LengthMax + 1)));
        Assert.Throws<ArgumentException>(() => new KubernetesElection(client, "jobs", new KubernetesElectionOptions { Value = new string('x', KubernetesElection.ValueBytesMax + 1) }));
        Assert.Throws<ArgumentException>(() => new KubernetesElection(client, "jobs", new KubernetesElectionOptions { Identity = new string('x', KubernetesElection.IdentityLengthMax + 1) }));
    }

    [Fact]
    public void The_defaults_are_client_gos_as_nearly_as_ours_can_say_them()
    {
        var lease = new KubernetesElectionOptions().Lease;
        lease.Validate();
        Assert.Equal(TimeSpan.FromSeconds(15), lease.Ttl);
        Assert.InRange(LeaseClock.Usable(lease.Ttl, lease), TimeSpan.FromSeconds(9.5), TimeSpan.FromSeconds(10));
        Assert.InRange(lease.Ttl / lease.RenewalsPerTtl, TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(2.5));
    }

    private static KubernetesClientOptions Default => new() { Server = "https://127.0.0.1:6443", Namespace = "default" };

    private ClusterAccess Resolve(KubernetesClientOptions options, string host = "10.96.0.1")
    {
        File.WriteAllText(Path.Combine(_pod.FullName, "token"), "first\n");
        File.WriteAllText(Path.Combine(_pod.FullName, "namespace"), "team-a");
        File.WriteAllText(Path.Combine(_pod.FullName, "ca.crt"), KubernetesServer.Authority);
        return ClusterAccess.Resolve(options, name => name == "KUBERNETES_SERVICE_HOST" ? host : name == "KUBERNETES_SERVICE_PORT" ? "6443" : null, _pod.FullName);
    }
}

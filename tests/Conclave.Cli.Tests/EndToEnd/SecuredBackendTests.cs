using Conclave.Wire.Tests.Etcd;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary><c>lead</c> and <c>election</c> where the backend wants to know who comes: what stands behind the addresses of <c>--endpoints</c>.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class SecuredBackendTests : IAsyncLifetime
{
    private readonly LedPrograms _programs = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _programs.EndAsync();

    [Fact]
    public async Task Etcd_with_users_takes_the_user_of_a_file_and_says_what_is_wrong_with_another()
    {
        await using var etcd = await RealEtcd.StartNewAsync();
        await etcd.RequireUsersAsync();
        _programs.Write("right", "dialer:relaid\n");
        _programs.Write("wrong", "dialer:drowssap\n");
        _programs.Write("empty", "");

        Assert.Equal(7, (await LeadAsync("billing/dialer", $"{etcd.Endpoint}?user_file=right")).Code);
        await RefusedAsync(125, "user_file=FILE in --endpoints", "billing/dialer", $"{etcd.Endpoint}?user_file=wrong");
        await RefusedAsync(125, "user_file=FILE in --endpoints", "billing/dialer", etcd.Endpoint);
        await RefusedAsync(125, "Grant the user of user_file a role with readwrite permission", "elsewhere/dialer", $"{etcd.Endpoint}?user_file=right");
        await RefusedAsync(2, "user_file: 'empty' is empty", "billing/dialer", $"{etcd.Endpoint}?user_file=empty");
        await RefusedAsync(2, "user_file:", "billing/dialer", $"{etcd.Endpoint}?user_file=nowhere");
        await RefusedAsync(2, "'user=dialer' is not understood", "billing/dialer", $"{etcd.Endpoint}?user=dialer");

        var list = await _programs.RunAsync("election", "list", "--prefix", "billing/", "--endpoints", $"{etcd.Endpoint}?user_file=right");
        Assert.True(list.Code == 0, list.ToString());
    }

    [Fact]
    public async Task Etcd_behind_tls_takes_certificates_of_files_and_is_not_believed_without()
    {
        using var certificates = new TestCertificates();
        await using var etcd = await RealEtcd.StartNewAsync(certificates);
        var files = $"ca_file={certificates.Authority}&cert_file={certificates.Client}&key_file={certificates.ClientKey}";

        Assert.Equal(7, (await LeadAsync("billing/dialer", $"{etcd.Endpoint}?{files}")).Code);
        await RefusedAsync(125, "certificate", "billing/dialer", etcd.Endpoint);
        await RefusedAsync(2, "CertificateKeyFile is not set", "billing/dialer", $"{etcd.Endpoint}?cert_file={certificates.Client}");
    }

    [ZooKeeperFact]
    public async Task Zookeeper_keeps_an_election_for_the_user_of_a_file()
    {
        var zookeeper = await ElectionServers.ZooKeeperAsync(_programs);
        _programs.Write("right", "dialer:relaid\n");
        _programs.Write("other", "other:rehto\n");
        _programs.Write("bare", "dialer\n");

        Assert.Equal(7, (await LeadAsync("billing/dialer", $"{zookeeper}?user_file=right", "zookeeper")).Code);
        await RefusedAsync(125, "user_file=FILE in --endpoints", "billing/dialer", $"{zookeeper}?user_file=other", "zookeeper");
        await RefusedAsync(2, "NAME:PASSWORD", "billing/dialer", $"{zookeeper}?user_file=bare", "zookeeper");
    }

    private Task<Ended> LeadAsync(string election, string endpoints, string backend = "etcd") =>
        _programs.RunAsync("lead", election, "--once", "--backend", backend, "--endpoints", endpoints, "--", "sh", "-c", "exit 7");

    private async Task RefusedAsync(int code, string why, string election, string endpoints, string backend = "etcd")
    {
        var ended = await LeadAsync(election, endpoints, backend);
        Assert.True(ended.Code == code && ended.Complaints is [var line] && line.Contains(why, StringComparison.Ordinal), ended.ToString());
    }
}

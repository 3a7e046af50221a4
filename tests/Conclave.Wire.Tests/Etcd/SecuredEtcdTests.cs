using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;
using Google.Protobuf;

namespace Conclave.Wire.Tests.Etcd;

/// <summary>An etcd with users, and one behind TLS that asks its clients for a certificate.</summary>
public sealed class SecuredEtcdTests : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private RealEtcd _etcd = null!;

    public async Task InitializeAsync() => _etcd = await RealEtcd.StartNewAsync();

    public async Task DisposeAsync() => await _etcd.DisposeAsync();

    [Fact]
    public async Task User_is_let_through_with_requests_watches_and_renewals()
    {
        await _etcd.RequireUsersAsync();
        await using var client = Client("dialer:relaid");
        await using var watch = Watch(client, "billing/a");
        Assert.True((await NextAsync(watch)).Created);

        var lease = await client.LeaseGrantAsync(new LeaseGrantRequest { TTL = 60 });
        await client.PutAsync(Put("billing/a", lease.ID));
        Assert.Equal(60, (await client.LeaseKeepAliveAsync(lease.ID)).TTL);
        Assert.Equal("billing/a", (await NextAsync(watch)).Events.Single().Kv.Key.ToStringUtf8());
    }

    [Theory]
    [InlineData(null, "etcdserver: user name is empty")]
    [InlineData("dialer:wrong", "etcdserver: authentication failed, invalid user ID or password")]
    [InlineData("nobody:relaid", "etcdserver: authentication failed, invalid user ID or password")]
    public async Task Who_is_not_known_is_refused_at_once_in_etcds_words(string? credentials, string why)
    {
        await _etcd.RequireUsersAsync();
        await using var client = Client(credentials);
        var refused = await Assert.ThrowsAsync<EtcdException>(() => client.PutAsync(Put("billing/a")));
        Assert.Equal((GrpcStatus.InvalidArgument, why, false), (refused.Status, refused.Message, refused.OutcomeUnknown));
    }

    [Fact]
    public async Task What_the_user_may_not_touch_is_refused_in_requests_and_watches()
    {
        await _etcd.RequireUsersAsync();
        await using var client = Client("dialer:relaid");
        Assert.Equal(GrpcStatus.PermissionDenied, (await Assert.ThrowsAsync<EtcdException>(() => client.PutAsync(Put("elsewhere/a")))).Status);
        await using var watch = Watch(client, "elsewhere/a");
        Assert.Contains("permission denied", (await Assert.ThrowsAsync<EtcdException>(() => NextAsync(watch))).Message, StringComparison.Ordinal);
    }

    /// <summary>Authentication that was off and on again knows no token of before, nor those that streams were opened with.</summary>
    [Fact]
    public async Task Token_that_is_taken_no_more_is_replaced_and_open_watches_lose_nothing()
    {
        await _etcd.RequireUsersAsync();
        await using var client = Client("dialer:relaid");
        await using var before = Watch(client, "billing/a");
        Assert.True((await NextAsync(before)).Created);

        await ForgetTokensAsync();
        await using var after = Watch(client, "billing/a");
        Assert.True((await NextAsync(after)).Created);
        await ForgetTokensAsync();
        var put = await client.PutAsync(Put("billing/a"));
        Assert.Equal(put.Header.Revision, (await NextAsync(before)).Events.Single().Kv.ModRevision);
        Assert.Equal(put.Header.Revision, (await NextAsync(after)).Events.Single().Kv.ModRevision);

        async Task ForgetTokensAsync()
        {
            await _etcd.ControlAsync("--user", "root:toor", "auth", "disable");
            await _etcd.ControlAsync("auth", "enable");
        }
    }

    [Fact]
    public async Task Credentials_are_not_looked_at_where_authentication_is_off_and_used_when_it_is_turned_on()
    {
        await using var client = Client("dialer:relaid");
        await client.PutAsync(Put("billing/a"));
        await _etcd.RequireUsersAsync();
        await client.PutAsync(Put("billing/a"));
    }

    [Fact]
    public async Task Over_tls_both_sides_show_their_certificate()
    {
        using var certificates = new TestCertificates();
        await using var secured = await RealEtcd.StartNewAsync(certificates);
        await using var client = new EtcdClient(secured.ClientOptions);
        await using var watch = Watch(client, "a");
        Assert.True((await NextAsync(watch)).Created);
        var put = await client.PutAsync(Put("a"));
        Assert.Equal(put.Header.Revision, (await NextAsync(watch)).Events.Single().Kv.ModRevision);
        Assert.NotEqual(0UL, (await client.StatusAsync(secured.Endpoint)).Leader);

        await using var distrustful = new EtcdClient(secured.ClientOptions with { CertificateAuthorityFile = null, RequestTimeout = TimeSpan.FromSeconds(5) });
        var silent = await Assert.ThrowsAsync<EtcdException>(() => distrustful.PutAsync(Put("a")));
        Assert.Equal((GrpcStatus.Unavailable, false), (silent.Status, silent.OutcomeUnknown));
        Assert.Contains("certificate", silent.Message, StringComparison.Ordinal);

        await using var unknown = new EtcdClient(secured.ClientOptions with { CertificateFile = null, CertificateKeyFile = null, RequestTimeout = TimeSpan.FromSeconds(5) });
        await Assert.ThrowsAsync<EtcdException>(() => unknown.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8("a") }));
    }

    [Fact]
    public void Options_that_make_no_client_are_refused_by_name()
    {
        using var certificates = new TestCertificates();
        var good = new EtcdClientOptions { Endpoints = ["https://127.0.0.1:2379"], CertificateAuthorityFile = certificates.Authority, CertificateFile = certificates.Client, CertificateKeyFile = certificates.ClientKey };
        good.Validate();
        Refuses("Endpoints", good with { Endpoints = [] });
        Refuses("Endpoints", good with { Endpoints = ["http://127.0.0.1:2379"] });
        Refuses("Credentials", good with { Credentials = "nobody" });
        Refuses("CertificateAuthorityFile", good with { CertificateAuthorityFile = certificates.Nonsense() });
        Refuses("CertificateAuthorityFile", good with { CertificateAuthorityFile = "/nowhere.pem" });
        Refuses("CertificateFile", good with { CertificateFile = null });
        Refuses("CertificateFile", good with { CertificateFile = certificates.Nonsense() });
        Refuses("CertificateKeyFile", good with { CertificateKeyFile = null });

        static void Refuses(string option, EtcdClientOptions options) => Assert.Equal(option, Assert.Throws<ArgumentException>(() => new EtcdClient(options)).ParamName);
    }

    private EtcdClient Client(string? credentials) => new(_etcd.ClientOptions with { Credentials = credentials });

    private static PutRequest Put(string key, long lease = 0) => new() { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8("v"), Lease = lease };

    private static IAsyncEnumerator<WatchResponse> Watch(EtcdClient client, string key) =>
        client.WatchAsync(new WatchCreateRequest { Key = ByteString.CopyFromUtf8(key) }).GetAsyncEnumerator();

    private static async Task<WatchResponse> NextAsync(IAsyncEnumerator<WatchResponse> watch)
    {
        Assert.True(await watch.MoveNextAsync().AsTask().WaitAsync(Deadline));
        return watch.Current;
    }
}

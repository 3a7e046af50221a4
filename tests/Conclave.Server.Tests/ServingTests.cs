using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;
using Google.Protobuf;

namespace Conclave.Server.Tests;

/// <summary>What one server does on its port, with good clients and bad ones.</summary>
public sealed class ServingTests : IAsyncLifetime
{
    private TestCluster _cluster = null!;

    public async Task InitializeAsync() => _cluster = await TestCluster.StartAsync();

    public async Task DisposeAsync() => await _cluster.DisposeAsync();

    [Theory]
    [InlineData("/health", HttpStatusCode.OK, "{\"health\":\"true\",\"reason\":\"\"}")]
    [InlineData("/health?serializable=true", HttpStatusCode.OK, "{\"health\":\"true\",\"reason\":\"\"}")]
    [InlineData("/version", HttpStatusCode.OK, "{\"etcdserver\":\"3.5.0\",\"etcdcluster\":\"3.5.0\"}")]
    [InlineData("/nothing", HttpStatusCode.NotFound, "404 page not found\n")]
    public async Task Plain_http_is_answered_on_the_port_of_grpc(string path, HttpStatusCode code, string body)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });

        using var response = await http.GetAsync(_cluster.Endpoints[0] + path);

        Assert.Equal((code, body), (response.StatusCode, await response.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task Client_with_a_user_is_served_though_there_are_no_users()
    {
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = [_cluster.Endpoints[0]], Credentials = "dialer:relaid" });
        await client.PutAsync(new PutRequest { Key = ByteString.CopyFromUtf8("a") });
    }

    [Fact]
    public async Task A_preface_that_comes_byte_by_byte_is_still_http2()
    {
        using var socket = Connect();
        foreach (var b in "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray()) await socket.SendAsync(new[] { b });
        await socket.SendAsync(new byte[] { 0, 0, 0, 4, 0, 0, 0, 0, 0 });

        var frame = new byte[9];
        await socket.ReceiveAsync(frame).WaitAsync(TestCluster.Deadline);

        Assert.Equal(4, frame[3]); // SETTINGS
    }

    [Fact]
    public async Task Rubbish_is_answered_or_closed_and_the_server_goes_on()
    {
        foreach (var rubbish in new[] { "\0\0\0\0", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", "GET\r\n\r\n", new string('x', 100_000) })
        {
            using var socket = Connect();
            await socket.SendAsync(Encoding.ASCII.GetBytes(rubbish));
            socket.Shutdown(SocketShutdown.Send);
            var buffer = new byte[4096];
            try
            {
                while (await socket.ReceiveAsync(buffer).WaitAsync(TestCluster.Deadline) > 0)
                {
                    // whatever it says, it ends
                }
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                // A way to end too.
            }
        }

        await using var client = _cluster.NewClient();
        await client.PutAsync(new PutRequest { Key = TestCluster.Text("k") });
    }

    [Fact]
    public async Task A_value_above_the_limit_is_too_large_in_etcds_words()
    {
        await using var client = _cluster.NewClient();

        var refused = await Assert.ThrowsAsync<EtcdException>(() => client.PutAsync(new PutRequest { Key = TestCluster.Text("k"), Value = ByteString.CopyFrom(new byte[(3 << 19) + 1]) }));
        var monstrous = await Assert.ThrowsAsync<EtcdException>(() => client.PutAsync(new PutRequest { Key = TestCluster.Text("k"), Value = ByteString.CopyFrom(new byte[4 << 20]) }));

        Assert.Equal((GrpcStatus.InvalidArgument, "etcdserver: request is too large"), (refused.Status, refused.Message));
        Assert.Equal(GrpcStatus.ResourceExhausted, monstrous.Status);
    }

    [Fact]
    public async Task Too_many_operations_and_unknown_numbers_are_refused_at_the_door()
    {
        await using var client = _cluster.NewClient();
        var many = new TxnRequest();
        for (var i = 0; i < 129; i++) many.Success.Add(new RequestOp { RequestPut = new PutRequest { Key = TestCluster.Text($"k{i}") } });
        var strange = new TxnRequest { Compare = { new Compare { Key = TestCluster.Text("k"), Target = (Compare.Types.CompareTarget)77 } } };

        Assert.Equal("etcdserver: too many operations in txn request", (await Assert.ThrowsAsync<EtcdException>(() => client.TxnAsync(many))).Message);
        Assert.Equal(GrpcStatus.InvalidArgument, (await Assert.ThrowsAsync<EtcdException>(() => client.TxnAsync(strange))).Status);
        Assert.Equal(GrpcStatus.InvalidArgument, (await Assert.ThrowsAsync<EtcdException>(() => client.RangeAsync(new RangeRequest { Key = TestCluster.Text("k"), SortOrder = (RangeRequest.Types.SortOrder)9 }))).Status);
    }

    [Fact]
    public async Task Stopping_with_open_streams_takes_less_than_a_second()
    {
        await using var client = _cluster.NewClient();
        using var cancel = new CancellationTokenSource(TestCluster.Deadline);
        await using var watch = client.WatchAsync(new WatchCreateRequest { Key = TestCluster.Text("k") }, cancel.Token).GetAsyncEnumerator(cancel.Token);
        Assert.True(await watch.MoveNextAsync());
        var lease = await client.LeaseGrantAsync(new LeaseGrantRequest { TTL = 60 });
        await client.LeaseKeepAliveAsync(lease.ID);

        var started = Stopwatch.GetTimestamp();
        await _cluster.StopMemberAsync(0);

        Assert.InRange(Stopwatch.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(1));
    }

    private Socket Connect()
    {
        var uri = new Uri(_cluster.Endpoints[0]);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, uri.Port);
        return socket;
    }
}

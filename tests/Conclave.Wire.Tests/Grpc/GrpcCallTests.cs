using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;
using Google.Protobuf;

namespace Conclave.Wire.Tests.Grpc;

/// <summary>Our client against our server, and our server against clients that break the rules.</summary>
public sealed class GrpcCallTests
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(30);
    private static readonly GrpcMethod<RangeRequest, RangeResponse> Unknown = new("/etcdserverpb.KV/Shout", RangeRequest.Parser, RangeResponse.Parser);

    [Fact]
    public async Task A_unary_call_is_answered_over_tcp()
    {
        await using var server = new TestServer(Echo);
        using var channel = server.NewChannel();

        var answer = await channel.UnaryAsync(EtcdMethods.Put, Put("k"), Long, default);

        Assert.Equal("k", answer.PrevKv.Key.ToStringUtf8());
    }

    [Fact]
    public async Task A_unary_call_is_answered_over_a_unix_socket()
    {
        var directory = Directory.CreateTempSubdirectory("conclave-wire-");
        try
        {
            await using var server = new TestServer(Echo, socket: Path.Combine(directory.FullName, "s"));
            using var channel = server.NewChannel();

            var answer = await channel.UnaryAsync(EtcdMethods.Put, Put("k"), Long, default);

            Assert.Equal("k", answer.PrevKv.Key.ToStringUtf8());
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_refusal_keeps_its_status_and_its_text()
    {
        await using var server = new TestServer(router => router.MapUnary(EtcdMethods.Put, (_, _) =>
            Task.FromException<PutResponse>(new GrpcException(GrpcStatus.FailedPrecondition, "100% naïve\n"))));
        using var channel = server.NewChannel();

        var refused = await Assert.ThrowsAsync<GrpcException>(() => channel.UnaryAsync(EtcdMethods.Put, Put("k"), Long, default));

        Assert.Equal((GrpcStatus.FailedPrecondition, "100% naïve\n"), (refused.Status, refused.Message));
        Assert.False(refused.NothingSent);
    }

    [Fact]
    public async Task A_defect_of_a_handler_is_unknown_and_does_not_show_its_text()
    {
        await using var server = new TestServer(router => router.MapUnary(EtcdMethods.Put, (_, _) =>
            Task.FromException<PutResponse>(new InvalidOperationException("secret"))));
        using var channel = server.NewChannel();

        var failed = await Assert.ThrowsAsync<GrpcException>(() => channel.UnaryAsync(EtcdMethods.Put, Put("k"), Long, default));

        Assert.Equal((GrpcStatus.Unknown, "internal error"), (failed.Status, failed.Message));
    }

    [Fact]
    public async Task An_unknown_method_is_unimplemented()
    {
        await using var server = new TestServer(Echo);
        using var channel = server.NewChannel();

        var refused = await Assert.ThrowsAsync<GrpcException>(() => channel.UnaryAsync(Unknown, new RangeRequest(), Long, default));
        var other = await Assert.ThrowsAsync<GrpcException>(() => channel.UnaryAsync(EtcdMethods.Status, new StatusRequest(), Long, default));

        Assert.Equal((GrpcStatus.Unimplemented, "unknown method Shout for service etcdserverpb.KV"), (refused.Status, refused.Message));
        Assert.Equal((GrpcStatus.Unimplemented, "unknown service etcdserverpb.Maintenance"), (other.Status, other.Message));
    }

    [Fact]
    public async Task The_deadline_of_the_client_ends_the_handler()
    {
        var ended = new TaskCompletionSource();
        await using var server = new TestServer(router => router.MapUnary(EtcdMethods.Put, async (_, call) =>
        {
            await using var registration = call.Cancellation.Register(() => ended.TrySetResult());
            await Task.Delay(Timeout.Infinite, call.Cancellation);
            return new PutResponse();
        }));
        using var channel = server.NewChannel();

        var late = await Assert.ThrowsAsync<GrpcException>(() => channel.UnaryAsync(EtcdMethods.Put, Put("k"), TimeSpan.FromMilliseconds(100), default));

        Assert.Equal(GrpcStatus.DeadlineExceeded, late.Status);
        await ended.Task.WaitAsync(Long);
    }

    [Fact]
    public async Task A_stopping_server_ends_its_calls_as_unavailable()
    {
        var arrived = new TaskCompletionSource();
        await using var server = new TestServer(router => router.MapUnary(EtcdMethods.Put, async (_, call) =>
        {
            arrived.SetResult();
            await Task.Delay(Timeout.Infinite, call.Cancellation);
            return new PutResponse();
        }));
        using var channel = server.NewChannel();

        var put = channel.UnaryAsync(EtcdMethods.Put, Put("k"), Long, default);
        await arrived.Task.WaitAsync(Long);
        await server.StopCallsAsync();

        Assert.Equal(GrpcStatus.Unavailable, (await Assert.ThrowsAsync<GrpcException>(() => put)).Status);
    }

    [Fact]
    public async Task Nothing_listening_is_unavailable_with_nothing_sent()
    {
        using var channel = new GrpcChannel(GrpcAddress.Parse("127.0.0.1:1"), new GrpcChannelOptions());

        var failed = await Assert.ThrowsAsync<GrpcException>(() => channel.UnaryAsync(EtcdMethods.Put, Put("k"), Long, default));

        Assert.Equal(GrpcStatus.Unavailable, failed.Status);
        Assert.True(failed.NothingSent);
    }

    [Fact]
    public async Task Both_sides_stream_and_the_end_of_each_reaches_the_other()
    {
        await using var server = new TestServer(router => router.MapDuplex(EtcdMethods.LeaseKeepAlive, async (requests, responses, call) =>
        {
            while (await requests.ReadAsync(call.Cancellation) is { } request)
                await responses.WriteAsync(new LeaseKeepAliveResponse { ID = request.ID, TTL = 5 }, call.Cancellation);
        }));
        using var channel = server.NewChannel();
        await using var call = channel.Open(EtcdMethods.LeaseKeepAlive, null, default);

        for (var id = 1; id <= 100; id++)
        {
            await call.WriteAsync(new LeaseKeepAliveRequest { ID = id }, default);
            Assert.Equal(id, (await call.ReadAsync(default))!.ID);
        }

        call.CompleteRequests();
        Assert.Null(await call.ReadAsync(default));
    }

    [Fact]
    public async Task A_stream_refused_halfway_ends_with_the_status_in_its_trailers()
    {
        await using var server = new TestServer(router => router.MapDuplex(EtcdMethods.Watch, async (_, responses, call) =>
        {
            await responses.WriteAsync(new WatchResponse { Created = true }, call.Cancellation);
            throw new GrpcException(GrpcStatus.Unavailable, "etcdserver: no leader");
        }));
        using var channel = server.NewChannel();
        await using var call = channel.Open(EtcdMethods.Watch, null, default);

        Assert.True((await call.ReadAsync(default))!.Created);
        var ended = await Assert.ThrowsAsync<GrpcException>(async () => await call.ReadAsync(default));

        Assert.Equal((GrpcStatus.Unavailable, "etcdserver: no leader"), (ended.Status, ended.Message));
    }

    [Fact]
    public async Task A_request_above_the_limit_is_refused_before_its_bytes_arrive()
    {
        await using var server = new TestServer(Echo, new GrpcServerOptions { RequestBytesMax = 1000 });
        using var channel = server.NewChannel();

        var refused = await Assert.ThrowsAsync<GrpcException>(() =>
            channel.UnaryAsync(EtcdMethods.Put, new PutRequest { Key = ByteString.CopyFrom(new byte[100_000]) }, Long, default));
        var (status, _) = await SendRawAsync(server, [0, 0xFF, 0xFF, 0xFF, 0xFF]);

        Assert.Equal(GrpcStatus.ResourceExhausted, refused.Status);
        Assert.Equal("8", status);
    }

    [Fact]
    public async Task Frames_that_are_none_end_with_a_status_and_the_server_goes_on()
    {
        await using var server = new TestServer(Echo);
        using var channel = server.NewChannel();
        var good = Frame(Put("k").ToByteArray());

        Assert.Equal("13", (await SendRawAsync(server, [])).Status);
        Assert.Equal("13", (await SendRawAsync(server, [0, 0])).Status);
        Assert.Equal("13", (await SendRawAsync(server, good[..^1])).Status);
        Assert.Equal("13", (await SendRawAsync(server, [7, 0, 0, 0, 0])).Status);
        Assert.Equal("13", (await SendRawAsync(server, Frame([0xFF, 0xFF, 0xFF]))).Status);
        Assert.Equal("13", (await SendRawAsync(server, [.. good, .. good])).Status);
        Assert.Equal("13", (await SendRawAsync(server, Frame([1, 2, 3], compressed: true))).Status);
        Assert.Equal("12", (await SendRawAsync(server, Frame([1, 2, 3], compressed: true), encoding: "snappy")).Status);
        Assert.Equal("13", (await SendRawAsync(server, Frame([1, 2, 3], compressed: true), encoding: "gzip")).Status);
        Assert.Equal("13", (await SendRawAsync(server, good, timeout: "soon")).Status);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await SendRawAsync(server, good, contentType: "application/json")).Code);
        Assert.Equal("0", (await SendRawAsync(server, good)).Status);
        Assert.Equal("k", (await channel.UnaryAsync(EtcdMethods.Put, Put("k"), Long, default)).PrevKv.Key.ToStringUtf8());
    }

    [Fact]
    public async Task A_gzipped_request_is_read_and_held_to_the_limit_once_inflated()
    {
        await using var server = new TestServer(Echo, new GrpcServerOptions { RequestBytesMax = 10_000 });

        Assert.Equal("0", (await SendRawAsync(server, Frame(Gzip(Put("k").ToByteArray()), compressed: true), encoding: "gzip")).Status);
        Assert.Equal("8", (await SendRawAsync(server, Frame(Gzip(new byte[1 << 20]), compressed: true), encoding: "gzip")).Status);
    }

    private static void Echo(GrpcRouter router) =>
        router.MapUnary(EtcdMethods.Put, (request, _) => Task.FromResult(new PutResponse { PrevKv = new KeyValue { Key = request.Key } }));

    private static PutRequest Put(string key) => new() { Key = ByteString.CopyFromUtf8(key) };

    private static byte[] Frame(byte[] message, bool compressed = false)
    {
        var frame = new byte[5 + message.Length];
        frame[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        return frame;
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Fastest)) gzip.Write(bytes);
        return output.ToArray();
    }

    private static async Task<(string? Status, HttpStatusCode Code)> SendRawAsync(
        TestServer server, byte[] body, string contentType = "application/grpc", string? encoding = null, string? timeout = null)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false });
        using var request = new HttpRequestMessage(HttpMethod.Post, server.Endpoint + EtcdMethods.Put.Path)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.TryAddWithoutValidation("content-type", contentType);
        if (encoding is not null) request.Headers.TryAddWithoutValidation("grpc-encoding", encoding);
        if (timeout is not null) request.Headers.TryAddWithoutValidation("grpc-timeout", timeout);
        using var response = await http.SendAsync(request);
        await response.Content.ReadAsByteArrayAsync();
        var headers = response.Headers.Contains("grpc-status") ? response.Headers : response.TrailingHeaders;
        return (headers.TryGetValues("grpc-status", out var values) ? values.First() : null, response.StatusCode);
    }
}

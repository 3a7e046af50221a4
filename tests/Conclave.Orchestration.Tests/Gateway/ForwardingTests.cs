using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Conclave.Orchestration.Gateway;
using Conclave.Runtime.Tests;

namespace Conclave.Orchestration.Tests.Gateway;

public sealed class ForwardingTests
{
    [Fact]
    public async Task Requests_are_spread_over_the_instances()
    {
        await using var one = await TestInstance.StartAsync("web/1");
        await using var two = await TestInstance.StartAsync("web/2");
        await using var gateway = await RunningGateway.StartAsync(null, one.Instance, two.Instance);
        HashSet<string> answers = [];
        for (var i = 0; i < 100; i++) answers.Add(await gateway.Client.GetStringAsync("/"));
        Assert.Equal(["web/1", "web/2"], answers.Order());
    }

    [Fact]
    public async Task Forwarded_headers_are_ours_and_those_of_the_client_are_not_believed()
    {
        await using var instance = await TestInstance.StartAsync("web/1");
        await using var gateway = await RunningGateway.StartAsync(null, instance.Instance);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/headers");
        request.Headers.Host = "shop.example";
        request.Headers.Add("X-Forwarded-For", "6.6.6.6");
        request.Headers.Add("X-Forwarded-Host", "evil.example");
        request.Headers.Add("X-Forwarded-Proto", "https");
        request.Headers.Add("Forwarded", "for=6.6.6.6");
        request.Headers.Add("Connection", "x-private");
        request.Headers.Add("Keep-Alive", "5");
        var seen = await (await gateway.Client.SendAsync(request)).Content.ReadAsStringAsync();
        Assert.Contains("X-Forwarded-For: 127.0.0.1\n", seen, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-Host: shop.example\n", seen, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-Proto: http\n", seen, StringComparison.Ordinal);
        Assert.Contains("Via: 1.1 gateway\n", seen, StringComparison.Ordinal);
        Assert.Contains("Host: shop.example\n", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("6.6.6.6", seen, StringComparison.Ordinal);
        Assert.DoesNotContain("Keep-Alive", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Trusted_forwarded_headers_are_extended()
    {
        await using var instance = await TestInstance.StartAsync("web/1");
        await using var gateway = await RunningGateway.StartAsync(RunningGateway.Options with { TrustForwardedHeaders = true }, instance.Instance);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/headers");
        request.Headers.Add("X-Forwarded-For", "6.6.6.6");
        request.Headers.Add("X-Forwarded-Proto", "https");
        var seen = await (await gateway.Client.SendAsync(request)).Content.ReadAsStringAsync();
        Assert.Contains("X-Forwarded-For: 6.6.6.6, 127.0.0.1\n", seen, StringComparison.Ordinal);
        Assert.Contains("X-Forwarded-Proto: https\n", seen, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_web_socket_goes_through_both_ways()
    {
        await using var instance = await TestInstance.StartAsync("web/1");
        await using var gateway = await RunningGateway.StartAsync(null, instance.Instance);
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{gateway.Address}/echo"), CancellationToken.None);
        await socket.SendAsync(Encoding.UTF8.GetBytes("hello"), WebSocketMessageType.Text, true, CancellationToken.None);
        var buffer = new byte[16];
        var got = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
        Assert.Equal("hello", Encoding.UTF8.GetString(buffer, 0, got.Count));
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }

    [Fact]
    public async Task The_first_event_arrives_before_the_stream_ends()
    {
        await using var instance = await TestInstance.StartAsync("web/1");
        await using var gateway = await RunningGateway.StartAsync(null, instance.Instance);
        using var response = await gateway.Client.GetAsync(new Uri("/events", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        Assert.Equal("data: first", await reader.ReadLineAsync());
        instance.Release();
        Assert.Contains("data: last", await reader.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Large_answers_and_streamed_uploads_go_through()
    {
        await using var instance = await TestInstance.StartAsync("web/1");
        await using var gateway = await RunningGateway.StartAsync(null, instance.Instance);
        Assert.Equal(1 << 20, (await gateway.Client.GetByteArrayAsync("/big")).Length);
        foreach (var method in new[] { HttpMethod.Post, HttpMethod.Put })
        {
            // 30 MB is far beyond what is kept for a retry: it streams.
            using var request = new HttpRequestMessage(method, "/length") { Content = new ByteArrayContent(new byte[30_000_000]) };
            using var response = await gateway.Client.SendAsync(request);
            Assert.Equal("30000000", await response.Content.ReadAsStringAsync());
        }
    }

    [Theory]
    [InlineData("Content-Length: 1001\r\n\r\n")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n3e9\r\n")]
    public async Task A_body_over_the_limit_is_413(string framing)
    {
        await using var instance = await TestInstance.StartAsync("web/1");
        var limits = new GatewayLimits { RequestBodyBytes = 1000 };
        await using var gateway = await RunningGateway.StartAsync(RunningGateway.Options with { Limits = limits }, instance.Instance);
        // By hand and in one piece: an HTTP client may see its write fail before it sees the answer.
        using var client = new TcpClient();
        await client.ConnectAsync(gateway.Address);
        var request = $"POST /length HTTP/1.1\r\nHost: any\r\nConnection: close\r\n{framing}{new string('x', 1001)}";
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));
        using var reader = new StreamReader(client.GetStream());
        Assert.Equal("HTTP/1.1 413 Payload Too Large", await reader.ReadLineAsync());
    }

    [Fact]
    public async Task A_path_without_a_route_is_404()
    {
        await using var instance = await TestInstance.StartAsync("web/1");
        await using var gateway = await RunningGateway.StartAsync();
        await gateway.ShowAsync(new GatewayRoute { PathPrefix = "/api", Service = "web" }, instance.Instance);
        using var found = await gateway.Client.GetAsync(new Uri("/api/x", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, found.StatusCode);
        using var missed = await gateway.Client.GetAsync(new Uri("/", UriKind.Relative));
        Assert.Equal(HttpStatusCode.NotFound, missed.StatusCode);
        Assert.Equal(1, gateway.Failures(GatewayFailure.NoRoute));
    }

    [Fact]
    public async Task Requests_over_the_limit_are_turned_away_with_retry_after()
    {
        await using var instance = await TestInstance.StartAsync("web/1");
        var limits = new GatewayLimits { ConcurrentRequests = 2 };
        await using var gateway = await RunningGateway.StartAsync(RunningGateway.Options with { Limits = limits }, instance.Instance);
        var held = new[] { gateway.Client.GetStringAsync("/hold"), gateway.Client.GetStringAsync("/hold") };
        await Eventually.Async(() => instance.Held == 2, "two requests are held");
        using var refused = await gateway.Client.GetAsync(new Uri("/", UriKind.Relative));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.NotNull(refused.Headers.RetryAfter);
        Assert.Equal(1, gateway.Failures(GatewayFailure.Overload));
        instance.Release();
        await Task.WhenAll(held);
    }

    [Fact]
    public async Task An_answer_that_does_not_begin_in_time_is_504()
    {
        await using var instance = await TestInstance.StartAsync("web/1");
        var limits = new GatewayLimits { AnswerTimeout = TimeSpan.FromMilliseconds(200) };
        await using var gateway = await RunningGateway.StartAsync(RunningGateway.Options with { Limits = limits }, instance.Instance);
        using var late = await gateway.Client.GetAsync(new Uri("/hold", UriKind.Relative));
        Assert.Equal(HttpStatusCode.GatewayTimeout, late.StatusCode);
        Assert.Equal(1, gateway.Failures(GatewayFailure.AnswerTimeout));
        Assert.Single(instance.Seen, "GET /hold");
    }

    [Fact]
    public async Task Stopping_lets_requests_in_flight_finish_and_accepts_no_new_connection()
    {
        await using var instance = await TestInstance.StartAsync("web/1");
        await using var gateway = await RunningGateway.StartAsync(null, instance.Instance);
        var held = gateway.Client.GetStringAsync("/hold");
        await Eventually.Async(() => instance.Held == 1, "the request is held");
        var stopped = gateway.StopAsync();
        await Eventually.Async(() => Refuses(gateway.Address), "new connections are refused");
        Assert.False(stopped.IsCompleted);
        instance.Release();
        Assert.Equal("web/1", await held);
        await stopped;
    }

    [Fact]
    public async Task An_open_stream_ends_with_the_grace()
    {
        await using var instance = await TestInstance.StartAsync("web/1");
        await using var gateway = await RunningGateway.StartAsync(RunningGateway.Options with { DrainGrace = TimeSpan.FromMilliseconds(300) }, instance.Instance);
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri($"ws://{gateway.Address}/echo"), CancellationToken.None);
        await gateway.StopAsync().WaitAsync(TimeSpan.FromSeconds(5));
        await Assert.ThrowsAsync<WebSocketException>(async () => await socket.ReceiveAsync(new byte[1].AsMemory(), CancellationToken.None));
    }

    [Fact]
    public async Task A_draining_instance_finishes_its_requests_and_gets_no_new_ones()
    {
        await using var one = await TestInstance.StartAsync("web/1");
        await using var two = await TestInstance.StartAsync("web/2");
        await using var gateway = await RunningGateway.StartAsync(null, one.Instance);
        var held = gateway.Client.GetStringAsync("/hold");
        await Eventually.Async(() => one.Held == 1, "the request is held");
        await gateway.ShowAsync(one.Instance with { State = GatewayInstanceState.Draining }, two.Instance);
        for (var i = 0; i < 20; i++) Assert.Equal("web/2", await gateway.Client.GetStringAsync("/"));
        one.Release();
        Assert.Equal("web/1", await held);
    }

    [Fact]
    public async Task Gateways_that_share_a_socket_go_on_when_one_of_them_ends()
    {
        await using var instance = await TestInstance.StartAsync("web/1");
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(128);
        var first = await RunningGateway.StartAsync(Sharing(listener), instance.Instance);
        await using var second = await RunningGateway.StartAsync(Sharing(listener), instance.Instance);
        Assert.Equal(first.Address, second.Address);
        Assert.Equal("web/1", await first.Client.GetStringAsync("/"));
        await first.DisposeAsync();
        for (var i = 0; i < 50; i++)
        {
            using var fresh = new HttpClient { BaseAddress = second.Url };
            Assert.Equal("web/1", await fresh.GetStringAsync("/"));
        }
    }

    [Fact]
    public async Task The_control_socket_tells_health_and_numbers()
    {
        var path = Path.Combine(Path.GetTempPath(), $"cgw-{Guid.NewGuid():N}.sock");
        await using var instance = await TestInstance.StartAsync("web/1");
        await using var gateway = await RunningGateway.StartAsync(RunningGateway.Options with { ControlSocketPath = path, Name = "gateway/1" }, instance.Instance);
        await gateway.Client.GetStringAsync("/");
        using var control = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancelled) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancelled);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        Assert.Equal("ok\n", await control.GetStringAsync("http://gateway/health"));
        var json = await control.GetStringAsync("http://gateway/stats");
        var stats = System.Text.Json.JsonSerializer.Deserialize(json, GatewayJson.Default.GatewayStats)!;
        Assert.Equal("gateway/1", stats.Name);
        Assert.Equal(1, stats.Requests);
        Assert.Equal("in", Assert.Single(stats.Instances).State);
    }

    [Fact]
    public async Task The_access_log_has_a_line_per_request_and_no_line_breaks_of_clients()
    {
        var path = Path.Combine(Path.GetTempPath(), $"cgw-{Guid.NewGuid():N}.log");
        await using var instance = await TestInstance.StartAsync("web/1");
        var options = RunningGateway.Options with { AccessLog = new GatewayAccessLogOptions { Path = path } };
        await using (var gateway = await RunningGateway.StartAsync(options, instance.Instance))
        {
            await gateway.Client.GetStringAsync("/a%0Ab");
            await gateway.Client.GetStringAsync("/c");
        }

        var lines = await File.ReadAllLinesAsync(path);
        File.Delete(path);
        Assert.Equal(2, lines.Length);
        Assert.Matches("""Z GET "/a\\u000ab" 200 web/1 1 [0-9.]+$""", lines[0]);
    }

    private static GatewayOptions Sharing(Socket listener) =>
        RunningGateway.Options with { Listen = [new GatewayListen.Descriptor(Descriptors.Duplicate((int)listener.Handle))], DrainGrace = TimeSpan.FromSeconds(1) };

    private static bool Refuses(IPEndPoint address)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(address);
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }
}

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;
using Conclave.Orchestration.Supervision;
using Conclave.Orchestration.Tests.Processes;

namespace Conclave.Orchestration.Tests.Supervision;

public sealed class ProbeTests : ProcessFixtures
{
    private static readonly ProbeSpec Http = new() { Kind = ProbeKind.Http, Path = "/readyz", Timeout = TimeSpan.FromSeconds(5) };

    [Fact]
    public void Start_up_is_asked_often_and_failures_in_it_do_not_count()
    {
        var state = new ProbeState(Http);
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(ProbeVerdict.StartingUp, state.Observe(false));
            Assert.Equal(TimeSpan.FromMilliseconds(20), state.Interval);
        }

        Assert.Equal(ProbeVerdict.BecameHealthy, state.Observe(true));
        Assert.Equal(Http.Interval, state.Interval);
    }

    [Fact]
    public void Only_failures_in_a_row_count()
    {
        var state = new ProbeState(Http);
        var answers = new[] { true, false, false, true, false, false, false, false, true, true };
        Assert.Equal(
            [
                ProbeVerdict.BecameHealthy, ProbeVerdict.Doubtful, ProbeVerdict.Doubtful, ProbeVerdict.Healthy, ProbeVerdict.Doubtful, ProbeVerdict.Doubtful,
                ProbeVerdict.BecameFailing, ProbeVerdict.Failing, ProbeVerdict.BecameHealthy, ProbeVerdict.Healthy,
            ],
            answers.Select(state.Observe));
    }

    [Fact]
    public void Adopted_instance_that_was_ready_has_no_start_up_phase()
    {
        var state = new ProbeState(Http with { Failures = 1 }, succeededBefore: true);
        Assert.Equal(Http.Interval, state.Interval);
        Assert.Equal(ProbeVerdict.BecameFailing, state.Observe(false));
    }

    [Theory]
    [InlineData("200 OK", true)]
    [InlineData("204 No Content", true)]
    [InlineData("302 Found", true)]
    [InlineData("404 Not Found", false)]
    [InlineData("503 Service Unavailable", false)]
    public async Task Http_status_decides(string status, bool expected)
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        var asked = AnswerOnce(server, $"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        var result = await Prober.ProbeAsync(Http, PortOf(server), null, default);
        Assert.Equal(expected, result.IsSuccess);
        Assert.StartsWith("GET /readyz HTTP/1.1\r\n", await asked, StringComparison.Ordinal);
        if (result is ProbeResult.Failed failed)
            Assert.Equal("HTTP status " + status[..3], failed.Why);
    }

    [Fact]
    public async Task Refused_connection_is_a_failure_with_its_reason()
    {
        var port = LoopbackPorts.Free();
        foreach (var kind in new[] { ProbeKind.Http, ProbeKind.Tcp })
            Assert.Equal(new ProbeResult.Failed("connection refused"), await Prober.ProbeAsync(Http with { Kind = kind }, port, null, default));
    }

    [Fact]
    public async Task Open_port_is_a_yes_to_a_tcp_probe()
    {
        using var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        Assert.True((await Prober.ProbeAsync(Http with { Kind = ProbeKind.Tcp }, PortOf(server), null, default)).IsSuccess);
        Assert.True((await Prober.ProbeAsync(Http with { Kind = ProbeKind.Tcp, Port = PortOf(server) }, 1, null, default)).IsSuccess);
    }

    [Fact]
    public async Task Stopped_process_times_out()
    {
        using var listening = ListeningSocket.Bind(new IPEndPoint(IPAddress.Loopback, 0), 16);
        var process = Start(Python("import http.server, socket\ns = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler, False)\ns.socket = socket.socket(fileno=3)\ns.serve_forever()")
            with { InheritedDescriptors = [new(listening.Descriptor, 3)] });
        var port = listening.EndPoint.Port;
        listening.Dispose();
        Assert.True((await Prober.ProbeAsync(Http with { Path = "/" }, port, null, default)).IsSuccess);

        process.Signal(Signal.Stop);
        await Until(() => process.IsStopped, "it is stopped");
        var timeout = TimeSpan.FromMilliseconds(100);
        Assert.Equal(new ProbeResult.TimedOut(timeout), await Prober.ProbeAsync(Http with { Path = "/", Timeout = timeout }, port, null, default));
        process.Signal(Signal.Cont);
        Assert.True((await Prober.ProbeAsync(Http with { Path = "/" }, port, null, default)).IsSuccess);
    }

    [Fact]
    public async Task Exit_code_decides_for_a_command()
    {
        Assert.True((await Prober.ProbeAsync(Command("exit 0"), 1, Folder, default)).IsSuccess);
        Assert.Equal(new ProbeResult.Failed("exited with code 3"), await Prober.ProbeAsync(Command("exit 3"), 1, Folder, default));
        var absent = Assert.IsType<ProbeResult.Failed>(await Prober.ProbeAsync(Command("") with { Command = ["no-such-command-here"] }, 1, Folder, default));
        Assert.Contains("command not found", absent.Why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hung_command_is_killed_with_its_group()
    {
        var spec = Command("sleep 100 & echo $! > pid; wait") with { Timeout = TimeSpan.FromMilliseconds(500) };
        Assert.IsType<ProbeResult.TimedOut>(await Prober.ProbeAsync(spec, 1, Folder, default));
        var pid = await PidFrom(Path.Combine(Folder, "pid"));
        await Until(() => ProcessStat.Read(pid) is not { HasEnded: false }, "what the probe started is dead");
    }

    [Fact]
    public async Task Cancelled_probe_gives_no_answer()
    {
        using var stopping = new CancellationTokenSource();
        var asking = Prober.ProbeAsync(Command("sleep 100") with { Timeout = Deadline }, 1, Folder, stopping.Token);
        await stopping.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
    }

    private static ProbeSpec Command(string script) => Http with { Kind = ProbeKind.Command, Command = ["/bin/sh", "-c", script] };

    private static int PortOf(TcpListener server) => ((IPEndPoint)server.LocalEndpoint).Port;

    private static async Task<string> AnswerOnce(TcpListener server, string answer)
    {
        using var client = await server.AcceptTcpClientAsync();
        var buffer = new byte[4096];
        var count = await client.GetStream().ReadAsync(buffer);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(answer));
        return Encoding.ASCII.GetString(buffer, 0, count);
    }
}

using System.Collections.Immutable;
using System.Net;
using System.Threading.Channels;
using Conclave.Orchestration.Gateway;
using Microsoft.Extensions.Logging.Abstractions;

namespace Conclave.Orchestration.Tests.Gateway;

/// <summary>A gateway of this process on a free port, with the tables a test gives it.</summary>
internal sealed class RunningGateway : IAsyncDisposable
{
    private readonly Channel<GatewayTable> _tables = Channel.CreateUnbounded<GatewayTable>();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _run;
    private long _version;

    private RunningGateway(GatewayOptions options)
    {
        Process = new GatewayProcess(options, NullLoggerFactory.Instance);
        _run = Process.RunAsync(_tables.Reader.ReadAllAsync(), _stopping.Token);
    }

    public GatewayProcess Process { get; }

    public IPEndPoint Address { get; private set; } = null!;

    public Uri Url => new($"http://{Address}/");

    public HttpClient Client { get; private set; } = null!;

    public static GatewayOptions Options { get; } = new() { Listen = [new GatewayListen.Address(new IPEndPoint(IPAddress.Loopback, 0))] };

    public static async Task<RunningGateway> StartAsync(GatewayOptions? options = null, params GatewayInstance[] instances)
    {
        var gateway = new RunningGateway(options ?? Options);
        gateway.Address = (await gateway.Process.Serving)[0];
        gateway.Client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = gateway.Url, Timeout = TimeSpan.FromSeconds(30) };
        if (instances.Length > 0) await gateway.ShowAsync(instances);
        return gateway;
    }

    /// <summary>Makes these the instances of service "web" and waits until the gateway has them.</summary>
    public Task ShowAsync(params GatewayInstance[] instances) => ShowAsync(new GatewayRoute { Service = "web" }, instances);

    public async Task ShowAsync(GatewayRoute route, params GatewayInstance[] instances)
    {
        var table = new GatewayTable
        {
            Version = ++_version,
            Routes = [route],
            Services = [new GatewayService { Name = "web", Instances = [.. instances] }],
        };
        await _tables.Writer.WriteAsync(table);
        await Eventually.Async(() => Process.Stats().TableVersion == table.Version, "the table is in use");
    }

    public GatewayInstanceStats? Stats(string id) => Process.Stats().Instances.FirstOrDefault(i => i.Id == id && i.State != "removed");

    public long Failures(GatewayFailure kind) => Process.Stats().Failures[kind.ToString()];

    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _run;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await StopAsync();
        _stopping.Dispose();
    }
}

/// <summary>Waits for a named condition.</summary>
internal static class Eventually
{
    public static async Task Async(Func<bool> condition, string what)
    {
        var deadline = DateTime.UtcNow.AddSeconds(20);
        while (!condition())
        {
            if (DateTime.UtcNow > deadline) throw new TimeoutException($"Waited 20 s in vain: {what}.");
            await Task.Delay(5);
        }
    }
}

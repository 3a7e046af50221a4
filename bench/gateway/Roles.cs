using System.Collections.Immutable;
using System.Net;
using Conclave.Orchestration.Gateway;
using Conclave.Orchestration.Processes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Yarp.ReverseProxy.Configuration;

namespace Conclave.Bench.Gateway;

/// <summary>The processes of the comparison. Each prints its port and ends when its standard input does.</summary>
internal static class Roles
{
    private static readonly byte[] Answer = new byte[1024];

    /// <summary>Answers everything with one kilobyte.</summary>
    public static async Task<int> InstanceAsync()
    {
        var app = Build(_ => { }, out var port);
        app.Run(context =>
        {
            context.Response.ContentLength = Answer.Length;
            return context.Response.Body.WriteAsync(Answer, 0, Answer.Length, context.RequestAborted);
        });
        return await ServeAsync(app, port);
    }

    /// <summary>YARP as its own documentation sets it up: a route, a cluster, power of two choices.</summary>
    public static async Task<int> YarpAsync(int[] instances)
    {
        RouteConfig route = new() { RouteId = "web", ClusterId = "web", Match = new RouteMatch { Path = "{**all}" } };
        ClusterConfig cluster = new()
        {
            ClusterId = "web",
            LoadBalancingPolicy = "PowerOfTwoChoices",
            Destinations = instances.ToDictionary(p => $"web/{p}", p => new DestinationConfig { Address = $"http://127.0.0.1:{p}/" }),
        };
        var app = Build(services => services.AddRouting().AddReverseProxy().LoadFromMemory([route], [cluster]), out var port);
        app.MapReverseProxy();
        return await ServeAsync(app, port);
    }

    /// <summary>The gateway with all that it does by default, access log included.</summary>
    public static async Task<int> GatewayAsync(int[] instances)
    {
        PoolSpinning.Briefly();
        var accessLog = Path.Combine(Path.GetTempPath(), $"conclave-bench-{Environment.ProcessId}.log");
        GatewayProcess gateway = new(
            new GatewayOptions
            {
                Listen = [new GatewayListen.Address(new IPEndPoint(IPAddress.Loopback, 0))],
                AccessLog = new GatewayAccessLogOptions { Path = accessLog },
            },
            NullLoggerFactory.Instance);
        GatewayTable table = new()
        {
            Routes = [new GatewayRoute { Service = "web" }],
            Services = [new GatewayService { Name = "web", Instances = [.. instances.Select(p => new GatewayInstance { Id = $"web/{p}", Port = p })] }],
        };
        using var stopping = new CancellationTokenSource();
        var run = gateway.RunAsync(Once(table), stopping.Token);
        Console.WriteLine((await gateway.Serving)[0].Port);
        await Console.In.ReadToEndAsync();
        await stopping.CancelAsync();
        await run;
        File.Delete(accessLog);
        File.Delete(accessLog + ".1");
        return 0;
    }

    private static async IAsyncEnumerable<GatewayTable> Once(GatewayTable table)
    {
        yield return table;
        await Task.CompletedTask;
    }

    private static WebApplication Build(Action<IServiceCollection> services, out Func<int> port)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        ListenOptions? listen = null;
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, o => listen = o));
        services(builder.Services);
        port = () => listen!.IPEndPoint!.Port;
        return builder.Build();
    }

    private static async Task<int> ServeAsync(WebApplication app, Func<int> port)
    {
        await app.StartAsync();
        Console.WriteLine(port());
        await Console.In.ReadToEndAsync();
        await app.StopAsync();
        return 0;
    }
}

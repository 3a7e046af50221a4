using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Yarp.ReverseProxy.Configuration;

namespace Conclave.Bench.SelfHeal.Subjects;

/// <summary>This program in another role: YARP in front of ports, nothing of ours in it.</summary>
internal static class PlainYarp
{
    public static async Task<int> RunAsync(string[] args)
    {
        var ports = args.Select(a => int.Parse(a, CultureInfo.InvariantCulture)).ToArray();
        RouteConfig route = new() { RouteId = "web", ClusterId = "web", Match = new RouteMatch { Path = "{**all}" } };
        ClusterConfig cluster = new()
        {
            ClusterId = "web",
            LoadBalancingPolicy = "PowerOfTwoChoices",
            Destinations = ports[1..].ToDictionary(
                p => string.Create(CultureInfo.InvariantCulture, $"web/{p}"),
                p => new DestinationConfig { Address = string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{p}/") }),
            HealthCheck = new HealthCheckConfig
            {
                Active = new ActiveHealthCheckConfig
                {
                    Enabled = true,
                    Path = "/readyz",
                    Interval = TimeSpan.FromMilliseconds(500),
                    Timeout = TimeSpan.FromMilliseconds(500),
                    Policy = "ConsecutiveFailures",
                },
                Passive = new PassiveHealthCheckConfig { Enabled = true, Policy = "TransportFailureRate", ReactivationPeriod = TimeSpan.FromSeconds(1) },
            },
        };
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k => k.Listen(IPAddress.Loopback, ports[0]));
        builder.Services.AddRouting().AddReverseProxy().LoadFromMemory([route], [cluster]);
        var app = builder.Build();
        app.MapReverseProxy();
        await app.RunAsync();
        return 0;
    }
}

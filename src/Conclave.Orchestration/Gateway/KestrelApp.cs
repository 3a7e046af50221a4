using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Gateway;

/// <summary>Kestrel with nothing around it: no configuration files, no signal handlers, no routing.</summary>
internal static class KestrelApp
{
    public static WebApplication Build(ILoggerFactory loggers, TimeSpan stopWithin, Action<KestrelServerOptions> kestrel, Action<IServiceCollection>? services = null)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(o =>
        {
            o.AddServerHeader = false;
            kestrel(o);
        });
        builder.Services.AddSingleton<ILoggerFactory>(new QuietLoggers(loggers));
        builder.Services.AddSingleton<IHostLifetime, CallersLifetime>();
        builder.Services.Configure<HostOptions>(o => o.ShutdownTimeout = stopWithin);
        services?.Invoke(builder.Services);
        return builder.Build();
    }

    /// <summary>Signals belong to the program, which cancels the token it gave us.</summary>
    private sealed class CallersLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}

using System.Net;
using Conclave.Wire.Grpc;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Conclave.Wire.Tests.Grpc;

/// <summary>A router on a Kestrel of its own, on TCP or on a Unix socket.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly CancellationTokenSource _stopping = new();

    public TestServer(Action<GrpcRouter> map, GrpcServerOptions? options = null, string? socket = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            if (socket is null) kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2);
            else kestrel.ListenUnixSocket(socket, listen => listen.Protocols = HttpProtocols.Http2);
        });
        _app = builder.Build();
        Router = new GrpcRouter(options ?? new GrpcServerOptions(), NullLogger.Instance, _stopping.Token);
        map(Router);
        _app.Run(Router.HandleAsync);
        ((IHost)_app).Start();
        Endpoint = socket is null ? _app.Urls.Single() : $"unix://{socket}";
    }

    public GrpcRouter Router { get; }

    public string Endpoint { get; }

    public GrpcChannel NewChannel(GrpcChannelOptions? options = null) => new(GrpcAddress.Parse(Endpoint), options ?? new GrpcChannelOptions());

    public Task StopCallsAsync() => _stopping.CancelAsync();

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _app.DisposeAsync();
    }
}

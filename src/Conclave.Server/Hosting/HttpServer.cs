using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Conclave.Server.Hosting;

/// <summary>Kestrel without a host around it: no container, no configuration, no pipeline. A node lives in little memory, and this is most of what it saves.</summary>
internal sealed class HttpServer : IAsyncDisposable
{
    private readonly List<SharedPort> _ports = [];
    private readonly IReadOnlyList<ListenUrl> _urls;
    private readonly HttpServerLimits _limits;
    private readonly ILoggerFactory _loggers;
    private KestrelServer? _kestrel;

    private HttpServer(IReadOnlyList<ListenUrl> urls, HttpServerLimits limits, ILoggerFactory loggers) => (_urls, _limits, _loggers) = (urls, limits, loggers);

    /// <summary>Where it is reached, in the order asked for, with the ports that the system chose.</summary>
    public IReadOnlyList<string> Urls => [.. _urls.Zip(_ports, (url, port) => url.WithPortOf(port.EndPoint))];

    /// <summary>Takes the addresses. Whoever connects now waits until <see cref="ServeAsync"/>.</summary>
    /// <exception cref="IOException">An address is in use or may not be bound; the message names it.</exception>
    public static async Task<HttpServer> BindAsync(IReadOnlyList<ListenUrl> urls, HttpServerLimits limits, ILoggerFactory loggers, CancellationToken cancellation)
    {
        // What follows from a read runs where the read ended, without another thread in between: nothing of ours blocks there, and Kestrel gives every HTTP/2 stream
        // a work item of its own anyway.
        var sockets = new SocketTransportFactory(Options.Create(new SocketTransportOptions { UnsafePreferInlineScheduling = true }), loggers);
        var server = new HttpServer(urls, limits, loggers);
        try
        {
            foreach (var url in urls) server._ports.Add(new SharedPort(await BindAsync(sockets, url, cancellation), limits));
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public async Task ServeAsync(RequestDelegate handler, CancellationToken cancellation)
    {
        _kestrel = NewKestrel(_ports, _limits, _loggers);
        await _kestrel.StartAsync(new Application(handler), cancellation);
        foreach (var port in _ports) port.Open();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var port in _ports) await port.DisposeAsync();
        if (_kestrel is not null)
        {
            using var grace = new CancellationTokenSource(_limits.StopGrace);
            await _kestrel.StopAsync(grace.Token);
            _kestrel.Dispose();
        }

        foreach (var url in _urls.Take(_ports.Count))
        {
            if (url.SocketPath is { } path) File.Delete(path);
        }
    }

    private static async Task<IConnectionListener> BindAsync(SocketTransportFactory sockets, ListenUrl url, CancellationToken cancellation)
    {
        try
        {
            if (url.SocketPath is { } path) UnixSocketFile.Prepare(path);
            var listener = await sockets.BindAsync(await url.ToEndPointAsync(cancellation), cancellation);
            if (url.SocketPath is { } bound) UnixSocketFile.Restrict(bound);
            return listener;
        }
        catch (Exception e) when (e is AddressInUseException or System.Net.Sockets.SocketException or IOException or UnauthorizedAccessException)
        {
            var why = e is AddressInUseException ? "the address is in use by another process" : e.Message;
            throw new IOException($"cannot listen on {url.Text}: {why}", e);
        }
    }

    private static KestrelServer NewKestrel(List<SharedPort> ports, HttpServerLimits limits, ILoggerFactory loggers)
    {
        var options = new KestrelServerOptions { AddServerHeader = false };
        options.Limits.MinRequestBodyDataRate = null; // a watch may be silent for hours
        options.Limits.MinResponseDataRate = null;
        options.Limits.MaxRequestBodySize = null; // messages have their own limit
        options.Limits.Http2.MaxStreamsPerConnection = limits.StreamsPerConnectionMax;
        options.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromMinutes(1); // finds clients that vanished
        var sides = new Dictionary<EndPoint, SharedPort.Side>();
        foreach (var port in ports)
        {
            Listen(port.Http1, HttpProtocols.Http1);
            Listen(port.Http2, HttpProtocols.Http2);
        }

        return new KestrelServer(Options.Create(options), new Sides(sides), loggers);

        void Listen(SharedPort.Side side, HttpProtocols protocol)
        {
            var name = new SideEndPoint($"{side.EndPoint} ({protocol})");
            sides.Add(name, side);
            options.Listen(name, listen => listen.Protocols = protocol);
        }
    }

    /// <summary>Tells Kestrel's endpoints apart that share one address.</summary>
    private sealed class SideEndPoint(string name) : EndPoint
    {
        public override string ToString() => name;
    }

    /// <summary>What Kestrel believes to bind is bound already.</summary>
    private sealed class Sides(Dictionary<EndPoint, SharedPort.Side> sides) : IConnectionListenerFactory, IConnectionListenerFactorySelector
    {
        public bool CanBind(EndPoint endpoint) => sides.ContainsKey(endpoint);

        public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => new(sides[endpoint]);
    }

    /// <summary>One context per connection or stream, used again for its next request.</summary>
    private sealed class Application(RequestDelegate handler) : IHttpApplication<DefaultHttpContext>
    {
        public DefaultHttpContext CreateContext(IFeatureCollection contextFeatures)
        {
            if (contextFeatures is not IHostContextContainer<DefaultHttpContext> container) return new DefaultHttpContext(contextFeatures);
            if (container.HostContext is { } used)
            {
                used.Initialize(contextFeatures);
                return used;
            }

            return container.HostContext = new DefaultHttpContext(contextFeatures);
        }

        public Task ProcessRequestAsync(DefaultHttpContext context) => handler(context);

        public void DisposeContext(DefaultHttpContext context, Exception? exception) => context.Uninitialize();
    }
}

using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.WebSockets;
using Conclave.Orchestration.Gateway;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Conclave.Orchestration.Tests.Gateway;

/// <summary>An instance in this process: what it saw can be looked at, when it answers can be decided.</summary>
internal sealed class TestInstance : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _held;

    private TestInstance(string id, WebApplication app)
    {
        Id = id;
        _app = app;
    }

    public string Id { get; }

    public int Port { get; private set; }

    public ConcurrentQueue<string> Seen { get; } = [];

    public int Held => Volatile.Read(ref _held);

    public GatewayInstance Instance => new() { Id = Id, Port = Port };

    public static async Task<TestInstance> StartAsync(string id)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        ListenOptions? listen = null;
        builder.WebHost.UseKestrelCore().ConfigureKestrel(k =>
        {
            k.Limits.MaxRequestBodySize = null;
            k.Listen(IPAddress.Loopback, 0, o => listen = o);
        });
        var app = builder.Build();
        app.UseWebSockets();
        var instance = new TestInstance(id, app);
        app.Run(instance.AnswerAsync);
        await app.StartAsync();
        instance.Port = listen!.IPEndPoint!.Port;
        return instance;
    }

    /// <summary>Lets every /hold request go on.</summary>
    public void Release() => _release.TrySetResult();

    public async ValueTask DisposeAsync()
    {
        Release();
        using var at = new CancellationTokenSource(TimeSpan.FromMilliseconds(200));
        await _app.StopAsync(at.Token);
        await _app.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        Seen.Enqueue($"{context.Request.Method} {context.Request.Path}");
        switch (context.Request.Path.Value)
        {
            case "/hold":
                Interlocked.Increment(ref _held);
                await _release.Task.WaitAsync(context.RequestAborted);
                await context.Response.WriteAsync(Id);
                break;
            case "/headers":
                foreach (var header in context.Request.Headers) await context.Response.WriteAsync($"{header.Key}: {header.Value}\n");
                break;
            case "/abort":
                context.Abort();
                break;
            case "/big":
                await context.Response.Body.WriteAsync(new byte[1 << 20]);
                break;
            case "/length":
                long length = 0;
                var buffer = new byte[65536];
                for (int read; (read = await context.Request.Body.ReadAsync(buffer)) > 0;) length += read;
                await context.Response.WriteAsync(length.ToString(CultureInfo.InvariantCulture));
                break;
            case "/hold-body":
                // Reads the body, then waits: what the instance got before it was given up.
                using (var reader = new StreamReader(context.Request.Body))
                {
                    var text = await reader.ReadToEndAsync();
                    Interlocked.Increment(ref _held);
                    await _release.Task.WaitAsync(context.RequestAborted);
                    await context.Response.WriteAsync(text);
                }

                break;
            case "/events":
                context.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
                context.Response.ContentType = "text/event-stream";
                await context.Response.WriteAsync("data: first\n\n");
                await context.Response.Body.FlushAsync();
                await _release.Task.WaitAsync(context.RequestAborted);
                await context.Response.WriteAsync("data: last\n\n");
                break;
            case "/echo":
                using (var socket = await context.WebSockets.AcceptWebSocketAsync()) await EchoAsync(socket);
                break;
            default:
                await context.Response.WriteAsync(Id);
                break;
        }
    }

    private static async Task EchoAsync(WebSocket socket)
    {
        var buffer = new byte[1024];
        while (true)
        {
            var got = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
            if (got.MessageType == WebSocketMessageType.Close) break;
            await socket.SendAsync(buffer.AsMemory(0, got.Count), got.MessageType, got.EndOfMessage, CancellationToken.None);
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
    }
}

using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json.Serialization;
using Conclave.Samples.Web;

// A service as one would write it without Conclave: it takes its address from --urls, answers its probes and ends gracefully on SIGTERM.
var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.SetMinimumLevel(LogLevel.Warning);
builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.TypeInfoResolverChain.Insert(0, SampleJson.Default));
builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(15));
var app = builder.Build();
app.UseWebSockets();

app.MapGet("/", (HttpContext http) => WhoAmI(http));
app.MapPost("/", async (HttpContext http, CancellationToken aborted) =>
{
    http.Response.ContentType = http.Request.ContentType;
    await http.Request.Body.CopyToAsync(http.Response.Body, aborted);
});

app.MapGet("/slow", async (HttpContext http, CancellationToken aborted, int ms = 200) =>
{
    await Task.Delay(Math.Clamp(ms, 0, 60_000), aborted);
    return WhoAmI(http);
});

app.MapGet("/big", async (HttpContext http, CancellationToken aborted, int bytes = 1 << 20) =>
{
    var block = new byte[16 << 10];
    var left = Math.Clamp(bytes, 0, 100 << 20);
    http.Response.ContentType = "application/octet-stream";
    http.Response.ContentLength = left;
    for (; left > 0; left -= block.Length)
        await http.Response.Body.WriteAsync(block.AsMemory(0, Math.Min(left, block.Length)), aborted);
});

app.MapGet("/events", (CancellationToken aborted) => TypedResults.ServerSentEvents(CountAsync(aborted)));

app.Map("/ws", async (HttpContext http, CancellationToken aborted) =>
{
    if (!http.WebSockets.IsWebSocketRequest)
        return Results.BadRequest("this path speaks WebSocket");
    using var socket = await http.WebSockets.AcceptWebSocketAsync();
    using var ending = CancellationTokenSource.CreateLinkedTokenSource(aborted, app.Lifetime.ApplicationStopping);
    await EchoAsync(socket, ending.Token);
    return Results.Empty;
});

// Ready until it is asked to end, so that a balancer sends nothing new to a process that drains.
app.MapGet("/readyz", () => app.Lifetime.ApplicationStopping.IsCancellationRequested ? Results.StatusCode(503) : Results.Text("ready"));
app.MapGet("/livez", () => "alive");
app.MapGet("/healthz", () => "healthy");

app.Run();

static WhoAmI WhoAmI(HttpContext http) => new(
    Environment.GetEnvironmentVariable("CONCLAVE_INSTANCE") ?? "none",
    Environment.ProcessId,
    http.Connection.LocalPort,
    http.Request.Host.Value ?? "",
    Environment.GetEnvironmentVariable("CONCLAVE_NODE") ?? "none");

async IAsyncEnumerable<string> CountAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken aborted)
{
    using var ending = CancellationTokenSource.CreateLinkedTokenSource(aborted, app.Lifetime.ApplicationStopping);
    for (var i = 1; !ending.IsCancellationRequested; i++)
    {
        yield return i.ToString(CultureInfo.InvariantCulture);
        await Task.Delay(TimeSpan.FromMilliseconds(200), ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}

static async Task EchoAsync(WebSocket socket, CancellationToken ending)
{
    var buffer = new byte[16 << 10];
    try
    {
        while (socket.State == WebSocketState.Open)
        {
            var message = await socket.ReceiveAsync(buffer.AsMemory(), ending);
            if (message.MessageType == WebSocketMessageType.Close)
                break;
            await socket.SendAsync(buffer.AsMemory(0, message.Count), message.MessageType, message.EndOfMessage, ending);
        }
    }
    catch (OperationCanceledException)
    {
        // The process ends or the client has gone; there is nobody left to echo to.
        return;
    }

    await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
}

namespace Conclave.Samples.Web
{
    internal sealed record WhoAmI(string Instance, int Pid, int Port, string Host, string Node);

    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(WhoAmI))]
    [JsonSerializable(typeof(string))]
    internal sealed partial class SampleJson : JsonSerializerContext;
}

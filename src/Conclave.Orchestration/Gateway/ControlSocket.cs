using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Gateway;

/// <summary>
/// Answers the worker's probes and <c>status</c> on a Unix socket, on a server of its own so that no limit on clients' requests can
/// shut them out.
/// </summary>
internal static class ControlSocket
{
    private static readonly TimeSpan StopWithin = TimeSpan.FromSeconds(1);

    public static WebApplication Build(string path, ILoggerFactory loggers, Func<GatewayStats> stats)
    {
        File.Delete(path);
        var app = KestrelApp.Build(loggers, StopWithin, kestrel => kestrel.ListenUnixSocket(path));
        app.Run(context => AnswerAsync(context, stats()));
        return app;
    }

    private static Task AnswerAsync(HttpContext context, GatewayStats stats)
    {
        var response = context.Response;
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return Task.CompletedTask;
        }

        switch (context.Request.Path.Value)
        {
            case "/health":
                response.StatusCode = stats.Draining ? StatusCodes.Status503ServiceUnavailable : StatusCodes.Status200OK;
                return response.WriteAsync(stats.Draining ? "draining\n" : "ok\n", context.RequestAborted);
            case "/stats":
                response.ContentType = "application/json";
                return JsonSerializer.SerializeAsync(response.Body, stats, GatewayJson.Default.GatewayStats, context.RequestAborted);
            default:
                response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
        }
    }
}

/// <summary>How <see cref="GatewayStats"/> is written and read.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(GatewayStats))]
public sealed partial class GatewayJson : JsonSerializerContext;

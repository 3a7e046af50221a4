using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Conclave.Kubernetes.Tests.ApiServer;

/// <summary>
/// The part of a Kubernetes API server that keeps Leases: HTTPS, bearer tokens, RBAC by verb, get, list, watch, create, update, patch and delete with the real one's status objects. Keeps its objects in
/// a file, so it can be killed and started again; like the real one's watch cache, it then remembers no changes from before. Three files in its folder steer it at any time: who may do what
/// (<see cref="AccessFile"/>), whether watches say anything (<see cref="MuteFile"/>), and which verbs fail with which code (<see cref="FaultFile"/>).
/// </summary>
internal static class Host
{
    public const string Word = "api-server";
    public const string AccessFile = "access.json";
    public const string MuteFile = "mute";
    public const string FaultFile = "faults.json";
    public const string CertificateFile = "server.pem";
    public const string AuthorityFile = "ca.crt";

    private static readonly TimeSpan BookmarkInterval = TimeSpan.FromMilliseconds(700);

    public static async Task<int> RunAsync(string folder, int port)
    {
        var store = new LeaseStore(Path.Combine(folder, "leases.json"));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        using var certificate = X509Certificate2.CreateFromPemFile(Path.Combine(folder, CertificateFile));
        using var usable = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen => listen.UseHttps(usable)));
        await using var app = builder.Build();

        app.Use(async (context, next) =>
        {
            try
            {
                await next(context);
            }
            catch (RefusalException refusal)
            {
                await WriteAsync(context, refusal.Code, refusal.ToStatus());
            }
            catch (JsonException unreadable)
            {
                await WriteAsync(context, 400, new RefusalException(400, "BadRequest", unreadable.Message).ToStatus());
            }
        });

        const string Leases = "/apis/coordination.k8s.io/v1/namespaces/{ns}/leases";
        app.MapGet(Leases, async (HttpContext context, string ns) =>
        {
            var query = context.Request.Query;
            var name = NameOf(query["fieldSelector"].ToString());
            if (query["watch"] == "true" || query["watch"] == "True" || query["watch"] == "1")
            {
                Authorize(folder, context, "watch", ns);
                await WatchAsync(context, store, folder, ns, name, app.Lifetime.ApplicationStopping);
                return;
            }

            Authorize(folder, context, "list", ns);
            await WriteAsync(context, 200, store.List(ns, name));
        });
        app.MapGet(Leases + "/{name}", async (HttpContext context, string ns, string name) =>
        {
            Authorize(folder, context, "get", ns);
            await WriteAsync(context, 200, store.Get(ns, name));
        });
        app.MapPost(Leases, async (HttpContext context, string ns) =>
        {
            Authorize(folder, context, "create", ns);
            await WriteAsync(context, 201, store.Create(ns, await BodyAsync(context)));
        });
        app.MapPut(Leases + "/{name}", async (HttpContext context, string ns, string name) =>
        {
            Authorize(folder, context, "update", ns);
            await WriteAsync(context, 200, store.Update(ns, name, await BodyAsync(context)));
        });
        app.MapPatch(Leases + "/{name}", async (HttpContext context, string ns, string name) =>
        {
            Authorize(folder, context, "patch", ns);
            await WriteAsync(context, 200, store.Patch(ns, name, await BodyAsync(context)));
        });
        app.MapDelete(Leases + "/{name}", async (HttpContext context, string ns, string name) =>
        {
            Authorize(folder, context, "delete", ns);
            store.Delete(ns, name);
            await WriteAsync(context, 200, new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success" });
        });

        await app.StartAsync();
        Console.Out.WriteLine("serving");
        await app.WaitForShutdownAsync();
        return 0;
    }

    private static async Task WatchAsync(HttpContext context, LeaseStore store, string folder, string ns, string? name, CancellationToken stopping)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        if (int.TryParse(context.Request.Query["timeoutSeconds"], out var seconds))
            over.CancelAfter(TimeSpan.FromSeconds(seconds));
        var bookmarks = context.Request.Query["allowWatchBookmarks"] == "true";
        var version = context.Request.Query["resourceVersion"].ToString();
        context.Response.ContentType = "application/json";
        try
        {
            var first = store.Begin(ns, name, version, out var seen);
            foreach (var told in first)
                await TellAsync(told);
            await context.Response.Body.FlushAsync(over.Token);
            while (true)
            {
                var changed = store.Changed;
                while (File.Exists(Path.Combine(folder, MuteFile)))
                    await Task.Delay(20, over.Token);
                foreach (var told in store.After(ns, name, ref seen))
                {
                    await TellAsync(told);
                    if ((string?)told["type"] == "ERROR")
                        return;
                }

                try
                {
                    await changed.WaitAsync(BookmarkInterval, over.Token);
                }
                catch (TimeoutException) when (bookmarks)
                {
                    await TellAsync(LeaseStore.Bookmark(seen));
                }
                catch (TimeoutException)
                {
                    // Nothing happened, and nobody wants to know that.
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The client has gone, or the watch has lasted long enough.
        }

        async Task TellAsync(JsonObject told)
        {
            await context.Response.WriteAsync(told.ToJsonString() + "\n", over.Token);
            await context.Response.Body.FlushAsync(over.Token);
        }
    }

    private static void Authorize(string folder, HttpContext context, string verb, string ns)
    {
        var access = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, AccessFile)))!.AsObject();
        var shown = context.Request.Headers.Authorization.ToString();
        if (!shown.StartsWith("Bearer ", StringComparison.Ordinal) || access[shown["Bearer ".Length..]] is not JsonArray verbs)
            throw new RefusalException(401, "Unauthorized", "Unauthorized");
        if (!verbs.Any(allowed => (string?)allowed == verb))
        {
            throw new RefusalException(403, "Forbidden",
                $"leases.coordination.k8s.io is forbidden: User \"tester\" cannot {verb} resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"{ns}\"");
        }

        var faults = Path.Combine(folder, FaultFile);
        if (File.Exists(faults) && JsonNode.Parse(File.ReadAllText(faults))![verb] is { } code)
            throw new RefusalException((int)code, "Fault", $"{verb} fails for a test");
        if (ns != KubernetesServer.Namespace && verb == "create")
            throw new RefusalException(404, "NotFound", $"namespaces \"{ns}\" not found");
    }

    private static string? NameOf(string selector)
    {
        const string ByName = "metadata.name=";
        if (selector.Length == 0)
            return null;
        return selector.StartsWith(ByName, StringComparison.Ordinal) ? selector[ByName.Length..] : throw new RefusalException(400, "BadRequest", $"field label not supported: {selector}");
    }

    private static async Task<JsonObject> BodyAsync(HttpContext context) =>
        (await JsonNode.ParseAsync(context.Request.Body))?.AsObject() ?? throw new RefusalException(400, "BadRequest", "an object is needed");

    private static async Task WriteAsync(HttpContext context, int code, JsonObject body)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(body.ToJsonString());
    }
}

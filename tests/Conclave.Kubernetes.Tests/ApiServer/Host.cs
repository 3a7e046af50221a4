using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Conclave.Kubernetes.Tests.ApiServer;

/// <summary>
/// The part of a Kubernetes API server that keeps Leases: HTTPS, bearer tokens, RBAC by verb, get, list, watch, create, update, patch and delete with the real one's status objects. Keeps its objects in
/// a file, so it can be killed and started again; like the real one's watch cache, it then remembers no changes from before. <see cref="Steering"/> makes it fail; what went on in it is told at
/// <see cref="AccountPath"/>.
/// </summary>
internal static class Host
{
    public const string Word = "api-server";
    public const string CertificateFile = "server.pem";
    public const string AuthorityFile = "ca.crt";

    /// <summary>
    /// How our clients spoke (<c>protocols</c>, one for each connection), how many watches each Lease has (<c>watches</c>), how many requests of each verb were <c>failed</c>, and how many writes were <c>lost</c>
    /// and are <c>held</c>.
    /// </summary>
    public const string AccountPath = "/account";

    private static readonly TimeSpan BookmarkInterval = TimeSpan.FromMilliseconds(700);

    public static async Task<int> RunAsync(string folder, int port)
    {
        var steering = new Steering(folder);
        var store = new LeaseStore(Path.Combine(folder, "leases.json"));
        var writes = new Writes(store, steering);
        var protocols = new ConcurrentDictionary<string, string>();
        var watches = new ConcurrentDictionary<string, int>();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        using var certificate = X509Certificate2.CreateFromPemFile(Path.Combine(folder, CertificateFile));
        using var usable = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null);
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port, listen => listen.UseHttps(usable)));
        await using var app = builder.Build();

        app.Use(async (context, next) =>
        {
            if (context.Request.Headers.UserAgent == "conclave")
                protocols.TryAdd(context.Connection.Id, context.Request.Protocol);
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
                Authorize(steering, context, "watch", ns);
                watches.AddOrUpdate(name ?? "", 1, (_, count) => count + 1);
                try
                {
                    await WatchAsync(context, store, steering, ns, name, app.Lifetime.ApplicationStopping);
                }
                finally
                {
                    watches.AddOrUpdate(name ?? "", 0, (_, count) => count - 1);
                }

                return;
            }

            Authorize(steering, context, "list", ns);
            await WriteAsync(context, 200, store.List(ns, name));
        });
        app.MapGet(Leases + "/{name}", async (HttpContext context, string ns, string name) =>
        {
            Authorize(steering, context, "get", ns);
            await WriteAsync(context, 200, store.Get(ns, name));
        });
        app.MapPost(Leases, async (HttpContext context, string ns) =>
        {
            Authorize(steering, context, "create", ns);
            await WriteAsync(context, 201, store.Create(ns, await BodyAsync(context)));
        });
        app.MapPut(Leases + "/{name}", async (HttpContext context, string ns, string name) =>
        {
            Authorize(steering, context, "update", ns);
            if (await writes.UpdateAsync(ns, name, await BodyAsync(context)) is { } written)
                await WriteAsync(context, 200, written);
            else
                context.Features.GetRequiredFeature<IConnectionLifetimeFeature>().Abort(); // and every watch on it
        });
        app.MapPatch(Leases + "/{name}", async (HttpContext context, string ns, string name) =>
        {
            Authorize(steering, context, "patch", ns);
            await WriteAsync(context, 200, store.Patch(ns, name, await BodyAsync(context)));
        });
        app.MapDelete(Leases + "/{name}", async (HttpContext context, string ns, string name) =>
        {
            Authorize(steering, context, "delete", ns);
            store.Delete(ns, name);
            await WriteAsync(context, 200, new JsonObject { ["kind"] = "Status", ["apiVersion"] = "v1", ["metadata"] = new JsonObject(), ["status"] = "Success" });
        });

        app.MapGet(AccountPath, context => WriteAsync(context, 200, new JsonObject
        {
            ["protocols"] = new JsonArray([.. protocols.Values.Select(protocol => (JsonNode)protocol)]),
            ["watches"] = Counts(watches),
            ["failed"] = Counts(steering.Failed),
            ["lost"] = writes.Lost,
            ["held"] = writes.Held,
        }));

        await app.StartAsync();
        Console.Out.WriteLine("serving");
        await app.WaitForShutdownAsync();
        return 0;
    }

    private static async Task WatchAsync(HttpContext context, LeaseStore store, Steering steering, string ns, string? name, CancellationToken stopping)
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
                while (steering.IsMute)
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

    private static void Authorize(Steering steering, HttpContext context, string verb, string ns)
    {
        var shown = context.Request.Headers.Authorization.ToString();
        if (!shown.StartsWith("Bearer ", StringComparison.Ordinal) || steering.VerbsOf(shown["Bearer ".Length..]) is not { } verbs)
            throw new RefusalException(401, "Unauthorized", "Unauthorized");
        if (!verbs.Any(allowed => (string?)allowed == verb))
        {
            throw new RefusalException(403, "Forbidden",
                $"leases.coordination.k8s.io is forbidden: User \"tester\" cannot {verb} resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"{ns}\"");
        }

        if (steering.FaultOf(verb) is { } code)
            throw new RefusalException(code, "Fault", $"{verb} fails for a test");
        if (ns != KubernetesServer.Namespace && verb == "create")
            throw new RefusalException(404, "NotFound", $"namespaces \"{ns}\" not found");
    }

    private static JsonObject Counts(IEnumerable<KeyValuePair<string, int>> counts) => new(counts.Select(count => KeyValuePair.Create(count.Key, (JsonNode?)count.Value)));

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

using System.Globalization;
using System.Text;
using Conclave.Runtime;
using Microsoft.AspNetCore.Http;

namespace Conclave.Server.Services;

/// <summary>What etcd answers over plain HTTP: <c>/health</c>, <c>/version</c> and a few numbers for Prometheus.</summary>
internal sealed class HttpEndpoints(LocalMember member, TimeSpan healthTimeout)
{
    public Task HandleAsync(HttpContext http, CancellationToken stopping)
    {
        if (!HttpMethods.IsGet(http.Request.Method) && !HttpMethods.IsHead(http.Request.Method))
        {
            http.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            http.Response.Headers.Allow = "GET";
            return Task.CompletedTask;
        }

        return http.Request.Path.Value switch
        {
            "/health" => HealthAsync(http, stopping),
            "/version" => WriteAsync(http, "application/json", $"{{\"etcdserver\":\"{ServerVersion.Text}\",\"etcdcluster\":\"{ServerVersion.Cluster}\"}}"),
            "/metrics" => WriteAsync(http, "text/plain; version=0.0.4", Metrics()),
            _ => NotFound(http),
        };
    }

    /// <summary>Healthy: a linearizable read succeeds; with <c>?serializable=true</c>: this member answers.</summary>
    private async Task HealthAsync(HttpContext http, CancellationToken stopping)
    {
        var linearizable = http.Request.Query["serializable"] != "true";
        var reason = "";
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, stopping);
        deadline.CancelAfter(healthTimeout);
        try
        {
            await member.ReadAsync(linearizable, applier => applier.Store.Current, deadline.Token);
        }
        catch (Exception e) when (e is ReadNotConfirmedException or OperationCanceledException)
        {
            reason = member.Standing.Leader is null ? "RAFT NO LEADER" : "QGET ERROR:etcdserver: request timed out";
            http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        }

        await WriteAsync(http, "application/json", $"{{\"health\":\"{(reason.Length == 0 ? "true" : "false")}\",\"reason\":\"{reason}\"}}");
    }

    private string Metrics()
    {
        var status = member.Status;
        var text = new StringBuilder();
        Gauge("etcd_server_has_leader", status.Leader is null ? 0 : 1);
        Gauge("etcd_server_is_leader", status.Leader == member.Id ? 1 : 0);
        Gauge("etcd_server_proposals_committed_total", (long)status.Commit.Value);
        Gauge("etcd_server_proposals_applied_total", (long)status.Applied.Value);
        Gauge("etcd_debugging_mvcc_current_revision", status.Revision.Value);
        Gauge("process_resident_memory_bytes", Environment.WorkingSet);
        return text.ToString();

        void Gauge(string name, long value) => text.Append(CultureInfo.InvariantCulture, $"# TYPE {name} gauge\n{name} {value}\n");
    }

    private static Task NotFound(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status404NotFound;
        return WriteAsync(http, "text/plain; charset=utf-8", "404 page not found\n");
    }

    private static Task WriteAsync(HttpContext http, string contentType, string body)
    {
        http.Response.ContentType = contentType;
        http.Response.ContentLength = Encoding.UTF8.GetByteCount(body);
        return HttpMethods.IsHead(http.Request.Method) ? Task.CompletedTask : http.Response.WriteAsync(body, http.RequestAborted);
    }
}

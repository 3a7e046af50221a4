using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Yarp.ReverseProxy.Forwarder;

namespace Conclave.Orchestration.Gateway;

/// <summary>Why we gave up a try that its instance had not begun to answer.</summary>
internal enum CutWhy
{
    None,

    /// <summary>The instance left the rotation.</summary>
    Moved,

    /// <summary>The instance stopped answering.</summary>
    Silent,

    /// <summary>The answer took too long.</summary>
    Late,
}

/// <summary>
/// One try of one request at one instance. It is also YARP's transformer, which is how we learn the moment at which the answer
/// begins. Used again for other requests unless it was cut.
/// </summary>
internal sealed class Attempt(GatewayOptions options) : HttpTransformer, IDisposable
{
    private static readonly string[] Forwarded = ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix", "Forwarded"];

    private readonly CancellationTokenSource _cut = new();
    private readonly string _via = "1.1 " + options.Name;
    private ReplayBody? _body;

    public Backend Backend { get; private set; } = null!;

    public bool Idempotent { get; private set; }

    /// <summary>Whether the request can be sent again from its first byte.</summary>
    public bool BodyKept => _body is null || _body.Kept;

    public long StartedMs { get; private set; }

    /// <summary>Canceled when the try is cut.</summary>
    public CancellationToken Given => _cut.Token;

    /// <summary>Whether the instance has sent the head of its answer.</summary>
    public bool HasBegun { get; private set; }

    // The backend's list of unanswered tries and the reason of a cut; all under the backend's lock.
    public Attempt? Previous { get; set; }

    public Attempt? Next { get; set; }

    public bool Linked { get; set; }

    public CutWhy Cut { get; set; }

    public void Aim(Backend backend, bool idempotent, ReplayBody? body, long nowMs)
    {
        Backend = backend;
        _body = body;
        Idempotent = idempotent;
        StartedMs = nowMs;
        HasBegun = false;
    }

    /// <summary>Holds on to nothing of the last request.</summary>
    public void Forget()
    {
        Backend = null!;
        _body = null;
    }

    public void Cancel() => _cut.Cancel();

    public void Dispose() => _cut.Dispose();

    public override async ValueTask TransformRequestAsync(
        HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
    {
        // The base copies all headers but those of the connection, the client's Host included.
        await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
        var request = httpContext.Request;
        var headers = proxyRequest.Headers;
        var chain = options.TrustForwardedHeaders ? request.Headers["X-Forwarded-For"] : StringValues.Empty;
        if (!options.TrustForwardedHeaders)
        {
            foreach (var name in Forwarded)
                if (request.Headers.ContainsKey(name)) headers.Remove(name);
        }

        if (httpContext.Connection.RemoteIpAddress is { } address)
        {
            var client = (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
            if (chain.Count > 0) headers.Remove("X-Forwarded-For");
            headers.TryAddWithoutValidation("X-Forwarded-For", chain.Count > 0 ? $"{chain}, {client}" : client);
        }

        if (!headers.NonValidated.Contains("X-Forwarded-Proto")) headers.TryAddWithoutValidation("X-Forwarded-Proto", request.Scheme);
        if (request.Host.HasValue && !headers.NonValidated.Contains("X-Forwarded-Host"))
            headers.TryAddWithoutValidation("X-Forwarded-Host", request.Host.Value);
        headers.TryAddWithoutValidation("Via", _via);
    }

    public override ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
    {
        if (proxyResponse is null) return ValueTask.FromResult(false);
        if (!Backend.Begun(this)) throw new OperationCanceledException(_cut.Token);
        HasBegun = true;
        return base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
    }
}

using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Conclave.Kubernetes.Wire;

/// <summary>
/// The Leases of one namespace over HTTPS. One attempt each, bounded in time; a conflict is an answer, silence and refusal are exceptions. Thread-safe.
/// </summary>
internal sealed class LeaseApi : IDisposable
{
    /// <summary>In bytes, of one answer or one line of a watch. A server takes objects up to 1.5 MiB.</summary>
    public const int AnswerBytesMax = 4 * 1024 * 1024;

    /// <summary>The server ends a watch after this time, so that none lives longer than a server that is to be drained.</summary>
    private static readonly TimeSpan WatchLength = TimeSpan.FromMinutes(5);

    private readonly HttpClient _http;
    private readonly BearerToken _token;
    private readonly string _leases;
    private readonly TimeSpan _timeout;
    private readonly TimeProvider _time;

    public LeaseApi(ClusterAccess access, KubernetesClientOptions options, TimeProvider time)
    {
        (_token, _timeout, _time) = (access.Token, options.RequestTimeout, time);
        _leases = $"{access.Server.AbsoluteUri.TrimEnd('/')}/apis/coordination.k8s.io/v1/namespaces/{access.Namespace}/leases";
        Namespace = access.Namespace;
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            ConnectTimeout = options.ConnectTimeout,
            EnableMultipleHttp2Connections = true,
            PooledConnectionLifetime = TimeSpan.FromMinutes(10),

            // One HTTP/2 connection carries everything: when it is dead and nobody says so, this finds out, where TCP would take a quarter of an hour and renewals would go on into the void.
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
            KeepAlivePingDelay = Longer(options.PollInterval, TimeSpan.FromSeconds(1)),
            KeepAlivePingTimeout = Longer(options.ConnectTimeout, TimeSpan.FromSeconds(1)),

            // Where a proxy speaks HTTP/1.1 only: a watch that is closed would be listened to for two seconds more, in the hope that it ends.
            MaxResponseDrainSize = 0,
        };
        if (access.TrustOnly is { } trust)
            handler.SslOptions.CertificateChainPolicy = trust;
        _http = new HttpClient(handler)
        {
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = AnswerBytesMax,
        };
        _http.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("conclave");
    }

    public string Namespace { get; }

    /// <summary>Why the last request that was not answered was not; null when all were.</summary>
    public string? LastSilence { get; private set; }

    /// <summary>The Lease as a majority of the server's store knows it; null when there is none.</summary>
    public async Task<LeaseObject?> ReadAsync(string name, CancellationToken cancellation)
    {
        using var answer = await AskAsync("get", () => new HttpRequestMessage(HttpMethod.Get, $"{_leases}/{name}"), _timeout, cancellation).ConfigureAwait(false);
        return answer.StatusCode is HttpStatusCode.NotFound && await IsStatusAsync(answer, cancellation).ConfigureAwait(false)
            ? null
            : await TakeAsync("get", answer, KubernetesJson.Default.LeaseObject, cancellation).ConfigureAwait(false);
    }

    /// <summary>The same, with the version from which a watch goes on. A Lease's own version may be too old for that.</summary>
    public async Task<(LeaseObject? Lease, string Version)> ListAsync(string name, CancellationToken cancellation)
    {
        using var answer = await AskAsync("list", () => new HttpRequestMessage(HttpMethod.Get, $"{_leases}?fieldSelector=metadata.name%3D{name}"), _timeout, cancellation).ConfigureAwait(false);
        var list = await TakeAsync("list", answer, KubernetesJson.Default.LeaseList, cancellation).ConfigureAwait(false);
        return (list.Items.FirstOrDefault(lease => lease.Metadata.Name == name), list.Metadata.ResourceVersion ?? "");
    }

    /// <summary>So many Leases of the namespace, from where another page ended (empty: from the first), and where this one did (empty: with the last).</summary>
    public async Task<(LeaseObject[] Leases, string Next)> PageAsync(int most, string from, CancellationToken cancellation)
    {
        using var answer = await AskAsync("list", () => new HttpRequestMessage(HttpMethod.Get, $"{_leases}?limit={most}&continue={Uri.EscapeDataString(from)}"), _timeout, cancellation).ConfigureAwait(false);
        var list = await TakeAsync("list", answer, KubernetesJson.Default.LeaseList, cancellation).ConfigureAwait(false);
        return (list.Items, list.Metadata.Rest?.TryGetValue("continue", out var next) is true ? next.GetString() ?? "" : "");
    }

    /// <summary>Null when there is one already.</summary>
    public async Task<LeaseObject?> CreateAsync(LeaseObject lease, CancellationToken cancellation)
    {
        using var answer = await AskAsync("create", () => WithBody(HttpMethod.Post, _leases, lease), _timeout, cancellation).ConfigureAwait(false);
        return answer.StatusCode is HttpStatusCode.Conflict ? null : await TakeAsync("create", answer, KubernetesJson.Default.LeaseObject, cancellation).ConfigureAwait(false);
    }

    /// <summary>Null when what is stored is no longer the version that <paramref name="lease"/> was made from.</summary>
    public Task<LeaseObject?> ReplaceAsync(LeaseObject lease, CancellationToken cancellation) => ReplaceAsync(lease, _timeout, cancellation);

    public async Task<LeaseObject?> ReplaceAsync(LeaseObject lease, TimeSpan timeout, CancellationToken cancellation)
    {
        using var answer = await AskAsync("update", () => WithBody(HttpMethod.Put, $"{_leases}/{lease.Metadata.Name}", lease), Shorter(timeout, _timeout), cancellation).ConfigureAwait(false);
        return answer.StatusCode is HttpStatusCode.Conflict || (answer.StatusCode is HttpStatusCode.NotFound && await IsStatusAsync(answer, cancellation).ConfigureAwait(false))
            ? null
            : await TakeAsync("update", answer, KubernetesJson.Default.LeaseObject, cancellation).ConfigureAwait(false);
    }

    /// <summary>Every change after a version, as it happens. Null when the server no longer knows what came after it.</summary>
    public async Task<LeaseWatch?> WatchAsync(string name, string version, CancellationToken cancellation)
    {
        var query = $"watch=true&allowWatchBookmarks=true&timeoutSeconds={WatchLength.TotalSeconds:0}&fieldSelector=metadata.name%3D{name}&resourceVersion={Uri.EscapeDataString(version)}";
        var answer = await AskAsync("watch", () => new HttpRequestMessage(HttpMethod.Get, $"{_leases}?{query}"), _timeout, cancellation, streams: true).ConfigureAwait(false);
        try
        {
            if (answer.StatusCode is HttpStatusCode.Gone)
                return null;
            if (!answer.IsSuccessStatusCode)
                throw await RefusalAsync("watch", answer, cancellation).ConfigureAwait(false);
            var watch = new LeaseWatch(answer, await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false));
            answer = null;
            return watch;
        }
        finally
        {
            answer?.Dispose();
        }
    }

    public void Dispose() => _http.Dispose();

    private static HttpRequestMessage WithBody(HttpMethod method, string address, LeaseObject lease) => new(method, address)
    {
        Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(lease, KubernetesJson.Default.LeaseObject)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
    };

    private static TimeSpan Longer(TimeSpan left, TimeSpan right) => left > right ? left : right;

    private static TimeSpan Shorter(TimeSpan left, TimeSpan right) => left < right ? left : right;

    private async Task<HttpResponseMessage> AskAsync(string verb, Func<HttpRequestMessage> ask, TimeSpan timeout, CancellationToken cancellation, bool streams = false)
    {
        using var patience = new CancellationTokenSource(timeout, _time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        try
        {
            while (true)
            {
                using var request = ask();

                // Here, because HttpClient's default version is for its own requests and not for those that it is given: these would go over HTTP/1.1, each watch and each request
                // that a watch was cancelled for over a new connection, handshake and all.
                (request.Version, request.VersionPolicy) = (HttpVersion.Version20, HttpVersionPolicy.RequestVersionOrLower);
                var token = _token.Read();
                request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
                var answer = await _http.SendAsync(request, streams ? HttpCompletionOption.ResponseHeadersRead : HttpCompletionOption.ResponseContentRead, over.Token).ConfigureAwait(false);
                if (answer.StatusCode is not HttpStatusCode.Unauthorized || _token.Read() == token)
                    return answer;
                answer.Dispose(); // the token was replaced in this moment
            }
        }
        catch (OperationCanceledException slow) when (!cancellation.IsCancellationRequested)
        {
            throw Silence($"no answer to {verb} within {timeout.TotalSeconds:0.###} s", slow);
        }
        catch (HttpRequestException fault) when (fault.InnerException is AuthenticationException distrust)
        {
            throw new RefusedException(verb, null, distrust.Message, fault);
        }
        catch (UnauthorizedAccessException fault)
        {
            throw new RefusedException(verb, HttpStatusCode.Unauthorized, fault.Message, fault); // the token's file is not for us
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException)
        {
            throw Silence($"{verb}: {fault.Message}", fault);
        }
    }

    private NoAnswerException Silence(string message, Exception cause)
    {
        LastSilence = message;
        return new NoAnswerException(message, cause);
    }

    private static async Task<T> TakeAsync<T>(string verb, HttpResponseMessage answer, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        if (!answer.IsSuccessStatusCode)
            throw await RefusalAsync(verb, answer, cancellation).ConfigureAwait(false);
        try
        {
            return JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false), type)
                ?? throw new RefusedException(verb, answer.StatusCode, "the answer is empty");
        }
        catch (JsonException unreadable)
        {
            throw new RefusedException(verb, answer.StatusCode, $"the answer is not what an API server says ({unreadable.Message})", unreadable);
        }
    }

    private static async Task<bool> IsStatusAsync(HttpResponseMessage answer, CancellationToken cancellation) => (await StatusAsync(answer, cancellation).ConfigureAwait(false))?.Kind == "Status";

    /// <summary>What a failed answer means: try again, or no.</summary>
    private static async Task<Exception> RefusalAsync(string verb, HttpResponseMessage answer, CancellationToken cancellation)
    {
        var status = await StatusAsync(answer, cancellation).ConfigureAwait(false);
        var message = status?.Message ?? $"HTTP {(int)answer.StatusCode} {answer.ReasonPhrase}";
        return (int)answer.StatusCode >= 500 || answer.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.RequestTimeout
            ? new NoAnswerException($"{verb}: {message}")
            : new RefusedException(verb, answer.StatusCode, message);
    }

    private static async Task<StatusObject?> StatusAsync(HttpResponseMessage answer, CancellationToken cancellation)
    {
        try
        {
            return JsonSerializer.Deserialize(await answer.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false), KubernetesJson.Default.StatusObject);
        }
        catch (Exception fault) when (fault is JsonException or HttpRequestException or IOException)
        {
            return null; // not an API server's words: the code has to do
        }
    }
}

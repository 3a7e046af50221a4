using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>One request that got no good answer. <paramref name="Began"/> and <paramref name="Took"/> on the clock of <see cref="Stopwatch"/>.</summary>
internal sealed record FailedRequest(long Began, TimeSpan Took, string Kind);

/// <summary>How the clients fared.</summary>
internal sealed record LoadReport(int Good, IReadOnlyList<FailedRequest> Failed, TimeSpan LongestGap, IReadOnlySet<string> Instances)
{
    /// <summary>Those that cannot be blamed on what was in flight at a moment.</summary>
    public IEnumerable<FailedRequest> BegunAfter(long moment) => Failed.Where(f => f.Began > moment);

    public void RequireNoFailure() => Require(Failed.Count == 0);

    public void Require(bool fact) => Assert.True(fact, ToString());

    public override string ToString()
    {
        var kinds = Failed.GroupBy(f => f.Kind).Select(g => $"{g.Count()} × {g.Key} (after {g.Min(f => f.Took.TotalMilliseconds):0} to {g.Max(f => f.Took.TotalMilliseconds):0} ms)");
        return $"{Failed.Count} of {Good + Failed.Count} requests failed: {string.Join(", ", kinds)}; longest gap between good answers {LongestGap.TotalMilliseconds:0} ms";
    }
}

/// <summary>
/// Requests through the gateway from several clients at once, each sending its next a little after its last. An answer is good when it is a 200 that came whole, and to a POST the very bytes
/// that were sent; every other outcome is counted by its kind. Nothing is tried again here, and a gateway may not try a POST again either: it fails when anything goes wrong on its way.
/// </summary>
internal sealed class GatewayLoad : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);
    private readonly CancellationTokenSource _ending = new();
    private readonly ConcurrentQueue<FailedRequest> _failed = new();
    private readonly ConcurrentDictionary<string, int> _instances = new(StringComparer.Ordinal);
    private readonly HttpClient _http;
    private readonly Uri _url;
    private readonly bool _freshConnections;
    private readonly bool _posts;
    private readonly Task _clients;
    private readonly Lock _lock = new();
    private long _lastGood = Stopwatch.GetTimestamp();
    private TimeSpan _longestGap;
    private int _good;
    private int _sent;

    private GatewayLoad(Uri url, int clients, bool freshConnections, bool posts)
    {
        _posts = posts;
        _url = url;
        _freshConnections = freshConnections;
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30) }) { Timeout = Timeout.InfiniteTimeSpan };
        _clients = Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(ClientAsync)));
    }

    /// <summary>Starts and waits until answers come.</summary>
    /// <param name="url">What to get.</param>
    /// <param name="freshConnections">A new connection for each request, so that each is accepted by whichever gateway lives.</param>
    /// <param name="posts">Every second request is a POST; only the sample answers those.</param>
    public static async Task<GatewayLoad> StartAsync(Uri url, bool freshConnections = false, bool posts = false)
    {
        var load = new GatewayLoad(url, clients: 4, freshConnections, posts);
        await load.MoreAsync(20);
        return load;
    }

    /// <summary>Waits until so many more good answers have come.</summary>
    public Task MoreAsync(int answers)
    {
        var goal = Volatile.Read(ref _good) + answers;
        return Waiting.UntilAsync($"{answers} more good answers from {_url}", () => Volatile.Read(ref _good) >= goal, () => Report().ToString());
    }

    /// <summary>Ends the load: after <paramref name="more"/> more good answers, so that what happened last had its chance to hurt.</summary>
    public async Task<LoadReport> EndAsync(int more = 40)
    {
        await MoreAsync(more);
        await DisposeAsync();
        return Report();
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _clients;
        _http.Dispose();
    }

    private LoadReport Report()
    {
        lock (_lock)
            return new LoadReport(_good, [.. _failed], _longestGap, _instances.Keys.ToHashSet(StringComparer.Ordinal));
    }

    private async Task ClientAsync()
    {
        while (!_ending.IsCancellationRequested)
        {
            var began = Stopwatch.GetTimestamp();
            if (await AskAsync() is { } kind)
                _failed.Enqueue(new FailedRequest(began, Stopwatch.GetElapsedTime(began), kind));
            else
                NoteGood();
            await Task.Delay(Pace, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<string?> AskAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            var number = Interlocked.Increment(ref _sent);
            var posted = _posts && number % 2 == 0 ? $"number {number}" : null;
            using var request = new HttpRequestMessage(posted is null ? HttpMethod.Get : HttpMethod.Post, _url);
            request.Content = posted is null ? null : new StringContent(posted);
            request.Headers.ConnectionClose = _freshConnections ? true : null;
            using var answer = await _http.SendAsync(request, patience.Token);
            if (answer.StatusCode != HttpStatusCode.OK)
                return $"HTTP {(int)answer.StatusCode} to {request.Method}";
            if (posted is not null)
                return await answer.Content.ReadAsStringAsync(patience.Token) == posted ? null : "a POST answered with something else";
            if (answer.Content.Headers.ContentType?.MediaType == "application/json")
                _instances.TryAdd((await answer.Content.ReadFromJsonAsync<WhoAmI>(patience.Token))!.Instance, 0);
            return null;
        }
        catch (OperationCanceledException)
        {
            return $"no answer within {Patience.TotalSeconds:0} s";
        }
        catch (HttpRequestException failed)
        {
            return (failed.InnerException as SocketException ?? failed.InnerException?.InnerException as SocketException)?.SocketErrorCode.ToString()
                ?? failed.HttpRequestError.ToString();
        }
        catch (IOException broken)
        {
            return broken.Message;
        }
    }

    private void NoteGood()
    {
        lock (_lock)
        {
            var now = Stopwatch.GetTimestamp();
            var gap = Stopwatch.GetElapsedTime(_lastGood, now);
            if (gap > _longestGap && _good > 0)
                _longestGap = gap;
            _lastGood = now;
            _good++;
        }
    }

    /// <summary>What the sample says of itself.</summary>
    internal sealed record WhoAmI(string Instance, int Pid, int Port);
}

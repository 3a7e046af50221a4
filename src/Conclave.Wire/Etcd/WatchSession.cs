using System.Threading.Channels;
using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>What a watch asks for. Each enumeration is a watch of its own.</summary>
internal sealed class Watching(EndpointRing endpoints, Login login, WatchStream stream, EtcdClientOptions options, WatchCreateRequest request, CancellationToken cancellation) : IAsyncEnumerable<WatchResponse>
{
    public IAsyncEnumerator<WatchResponse> GetAsyncEnumerator(CancellationToken cancellationToken = default)
    {
        var isOne = !cancellationToken.CanBeCanceled || !cancellation.CanBeCanceled || cancellationToken == cancellation;
        var both = isOne ? null : CancellationTokenSource.CreateLinkedTokenSource(cancellation, cancellationToken);
        return new WatchSession(endpoints, login, stream, options, request, both, both?.Token ?? (cancellation.CanBeCanceled ? cancellation : cancellationToken));
    }
}

/// <summary>
/// One watch that outlives the streams it is on. What makes it gapless: <c>_next</c> is the first revision not yet delivered whole. It is known from the
/// <c>created</c> response on, moves only past whole revisions, and every new stream starts there. An enumerator written by hand: a program may have ten thousand watches, and a compiled one keeps another state for each.
/// </summary>
internal sealed class WatchSession : IAsyncEnumerator<WatchResponse>
{
    private readonly EndpointRing _endpoints;
    private readonly Login _login;
    private readonly WatchStream _stream;
    private readonly EtcdClientOptions _options;
    private readonly WatchCreateRequest _request;
    private readonly CancellationToken _cancellation;
    private readonly IDisposable? _owned;
    private WatchStream.Watch? _watch;
    private GrpcChannel? _channel;
    private WatchResponse? _fragments;
    private long _next;
    private bool _announced;
    private bool _created;
    private bool _enteredAgain;
    private int _failures;

    /// <param name="endpoints">Tried in turn.</param>
    /// <param name="login">Who we are.</param>
    /// <param name="stream">Where the watch is one of many.</param>
    /// <param name="options">Of the client.</param>
    /// <param name="request">Copied.</param>
    /// <param name="owned">Disposed with it.</param>
    /// <param name="cancellation">Ends the watch.</param>
    public WatchSession(EndpointRing endpoints, Login login, WatchStream stream, EtcdClientOptions options, WatchCreateRequest request, IDisposable? owned, CancellationToken cancellation)
    {
        _endpoints = endpoints;
        _login = login;
        _stream = stream;
        _options = options;
        _request = request.Clone();
        _request.WatchId = 0;
        _next = request.StartRevision;
        (_cancellation, _owned) = (cancellation, owned);
    }

    /// <summary>The response that <see cref="MoveNextAsync"/> found.</summary>
    public WatchResponse Current { get; private set; } = null!;

    /// <summary>Never false: a watch ends by cancellation or with an exception.</summary>
    public async ValueTask<bool> MoveNextAsync()
    {
        while (true)
        {
            try
            {
                // Waited for right here: each method in between would keep a state as well.
                var part = _created ? await _watch!.ReadAsync(_cancellation).ConfigureAwait(false) : await CreateAsync().ConfigureAwait(false);
                if (Whole(part) is not { } response) continue;
                _failures = 0;
                if (response.Canceled) throw Ended(response);
                if (response.Created)
                {
                    (_created, _enteredAgain) = (true, false);
                    if (_next == 0) _next = response.Header.Revision + 1;
                    if (_announced) continue;
                    _announced = true;
                }
                else
                {
                    Advance(response);
                }

                Current = response;
                return true;
            }
            catch (Exception fault) when (fault is GrpcException or ChannelClosedException)
            {
                _cancellation.ThrowIfCancellationRequested();
                var e = fault as GrpcException ?? WatchStream.Watch.ReasonOf((ChannelClosedException)fault);
                if (!CallRules.MayReopen(e)) throw CallRules.ToEtcd(e, write: false);
                var isBehind = _watch is { IsBehind: true };
                Close();
                if (isBehind) continue; // our own slowness is no fault of the endpoint

                if (_channel is not null) _endpoints.MoveOn(_channel);
                if (++_failures % _endpoints.Count == 0) await Task.Delay(_options.RetryInterval, _cancellation).ConfigureAwait(false);
            }
        }
    }

    public ValueTask DisposeAsync()
    {
        Close();
        _owned?.Dispose();
        return ValueTask.CompletedTask;
    }

    private async ValueTask<WatchResponse> CreateAsync()
    {
        var patience = TimeSpan.FromTicks(_options.RequestTimeout.Ticks / _endpoints.Count);
        var left = patience;
        _channel = _endpoints.Current;
        _request.StartRevision = _next;
        await _login.EnterAsync(_channel, patience, _cancellation).ConfigureAwait(false);
        var token = _login.Token;
        _watch = _stream.Open(_channel, _request.Clone());
        while (true)
        {
            using var late = new CancellationTokenSource(left, _options.Time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_cancellation, late.Token);
            try
            {
                var response = await _watch.ReadAsync(either.Token).ConfigureAwait(false);
                if (_enteredAgain || !_login.MayBeStale(response)) return response;

                // The stream shows the token that it was opened with, for as long as it lasts.
                _enteredAgain = true;
                _login.Forget(token);
                var stale = new GrpcException(GrpcStatus.Unavailable, response.CancelReason);
                _watch.EndStream(stale);
                throw stale;
            }
            catch (OperationCanceledException e)
            {
                _cancellation.ThrowIfCancellationRequested();

                // After a server's restart thousands of watches are asked for at once. While it answers any of them our turn will come; to end the stream then would start all of them again.
                // It hangs from its last word on, so what it has been silent for since then is part of the patience.
                left = patience - _watch.StreamIsSilentFor;
                if (left > TimeSpan.Zero) continue;

                // Only a watch that is created may be silent; before that, silence is a server that hangs.
                var hangs = new GrpcException(GrpcStatus.DeadlineExceeded, "the server did not create the watch in time", e);
                _watch.EndStream(hangs);
                throw hangs;
            }
        }
    }

    /// <summary>Puts fragments together; null while more are to come.</summary>
    private WatchResponse? Whole(WatchResponse part)
    {
        if (_fragments is null) _fragments = part;
        else _fragments.Events.AddRange(part.Events);
        if (part.Fragment) return null;

        var whole = _fragments;
        _fragments = null;
        whole.Fragment = false;
        return whole;
    }

    private void Advance(WatchResponse response)
    {
        // Events of one revision are never split over responses, so the last event closes its revision. The header's revision says less:
        // while a watch catches up it may run ahead of what was delivered. An answer without events (progress) promises its revision.
        var seen = response.Events.Count > 0 ? response.Events[^1].Kv.ModRevision : response.Header.Revision;
        if (seen >= _next) _next = seen + 1;
    }

    private static EtcdException Ended(WatchResponse response) => response.CompactRevision > 0
        ? new EtcdCompactedException(response.CompactRevision, "etcdserver: mvcc: required revision has been compacted")
        : new EtcdException(GrpcStatus.Cancelled, response.CancelReason.Length > 0 ? response.CancelReason : "etcdserver: watch canceled");

    private void Close()
    {
        _created = false;
        _fragments = null;
        _watch?.Dispose();
        _watch = null;
    }
}

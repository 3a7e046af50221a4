using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>
/// One watch that outlives its streams. What makes it gapless: <c>_next</c> is the first revision not yet delivered whole. It is known from the
/// <c>created</c> response on, moves only past whole revisions, and every new stream starts there.
/// </summary>
internal sealed class WatchSession : IAsyncDisposable
{
    // etcd then ends the stream, instead of leaving it silent, when the member it is on loses its leader.
    private static readonly Dictionary<string, string> RequireLeader = new(StringComparer.Ordinal) { ["hasleader"] = "true" };

    private readonly EndpointRing _endpoints;
    private readonly EtcdClientOptions _options;
    private readonly WatchCreateRequest _request;
    private GrpcDuplexCall<WatchRequest, WatchResponse>? _call;
    private GrpcChannel? _channel;
    private long _next;
    private bool _announced;
    private bool _created;
    private int _failures;

    public WatchSession(EndpointRing endpoints, EtcdClientOptions options, WatchCreateRequest request)
    {
        _endpoints = endpoints;
        _options = options;
        _request = request.Clone();
        _request.WatchId = 0;
        _next = request.StartRevision;
    }

    public async ValueTask<WatchResponse> NextAsync(CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                var response = await ReadAsync(cancellation).ConfigureAwait(false);
                _failures = 0;
                if (response.Canceled) throw Ended(response);
                if (response.Created)
                {
                    _created = true;
                    if (_next == 0) _next = response.Header.Revision + 1;
                    if (_announced) continue;
                    _announced = true;
                    return response;
                }

                Advance(response);
                return response;
            }
            catch (GrpcException e)
            {
                cancellation.ThrowIfCancellationRequested();
                if (!CallRules.MayReopen(e)) throw CallRules.ToEtcd(e, write: false);
                if (_channel is not null) _endpoints.MoveOn(_channel);
                await CloseAsync().ConfigureAwait(false);
                if (++_failures % _endpoints.Count == 0) await Task.Delay(_options.RetryInterval, cancellation).ConfigureAwait(false);
            }
        }
    }

    public ValueTask DisposeAsync() => CloseAsync();

    private async ValueTask<WatchResponse> ReadAsync(CancellationToken cancellation)
    {
        if (_created) return await ReadWholeAsync(cancellation).ConfigureAwait(false);

        // Only a stream that has said "created" may be silent; before that, silence is a server that hangs.
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(TimeSpan.FromTicks(_options.RequestTimeout.Ticks / _endpoints.Count));
        try
        {
            _channel = _endpoints.Current;
            _call = _channel.Open(EtcdMethods.Watch, RequireLeader, cancellation);
            _request.StartRevision = _next;
            await _call.WriteAsync(new WatchRequest { CreateRequest = _request }, deadline.Token).ConfigureAwait(false);
            return await ReadWholeAsync(deadline.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            cancellation.ThrowIfCancellationRequested();
            throw new GrpcException(GrpcStatus.DeadlineExceeded, "the server did not create the watch in time", e);
        }
    }

    private async ValueTask<WatchResponse> ReadWholeAsync(CancellationToken cancellation)
    {
        WatchResponse? whole = null;
        while (true)
        {
            var part = await _call!.ReadAsync(cancellation).ConfigureAwait(false)
                ?? throw new GrpcException(GrpcStatus.Unavailable, "the server closed the watch stream");
            var more = part.Fragment;
            if (whole is null) whole = part;
            else whole.Events.AddRange(part.Events);
            whole.Fragment = false;
            if (!more) return whole;
        }
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

    private async ValueTask CloseAsync()
    {
        _created = false;
        var call = _call;
        _call = null;
        if (call is not null) await call.DisposeAsync().ConfigureAwait(false);
    }
}

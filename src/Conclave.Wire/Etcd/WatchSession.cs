using System.Threading.Channels;
using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>
/// One watch that outlives the streams it is on. What makes it gapless: <c>_next</c> is the first revision not yet delivered whole. It is known from the
/// <c>created</c> response on, moves only past whole revisions, and every new stream starts there.
/// </summary>
internal sealed class WatchSession : IDisposable
{
    private readonly EndpointRing _endpoints;
    private readonly WatchStream _stream;
    private readonly EtcdClientOptions _options;
    private readonly WatchCreateRequest _request;
    private WatchStream.Watch? _watch;
    private GrpcChannel? _channel;
    private WatchResponse? _fragments;
    private long _next;
    private bool _announced;
    private bool _created;
    private int _failures;

    public WatchSession(EndpointRing endpoints, WatchStream stream, EtcdClientOptions options, WatchCreateRequest request)
    {
        _endpoints = endpoints;
        _stream = stream;
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
                // Waited for right here: a program may have ten thousand watches, and each method in between would keep its state for each.
                var part = _created ? await _watch!.ReadAsync(cancellation).ConfigureAwait(false) : await CreateAsync(cancellation).ConfigureAwait(false);
                if (Whole(part) is not { } response) continue;
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
            catch (Exception fault) when (fault is GrpcException or ChannelClosedException)
            {
                cancellation.ThrowIfCancellationRequested();
                var e = fault as GrpcException ?? WatchStream.Watch.ReasonOf((ChannelClosedException)fault);
                if (!CallRules.MayReopen(e)) throw CallRules.ToEtcd(e, write: false);
                var isBehind = _watch is { IsBehind: true };
                Close();
                if (isBehind) continue; // our own slowness is no fault of the endpoint

                if (_channel is not null) _endpoints.MoveOn(_channel);
                if (++_failures % _endpoints.Count == 0) await Task.Delay(_options.RetryInterval, cancellation).ConfigureAwait(false);
            }
        }
    }

    public void Dispose() => Close();

    private async ValueTask<WatchResponse> CreateAsync(CancellationToken cancellation)
    {
        var patience = TimeSpan.FromTicks(_options.RequestTimeout.Ticks / _endpoints.Count);
        _channel = _endpoints.Current;
        _request.StartRevision = _next;
        _watch = _stream.Open(_channel, _request.Clone());
        while (true)
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            deadline.CancelAfter(patience);
            try
            {
                return await _watch.ReadAsync(deadline.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException e)
            {
                cancellation.ThrowIfCancellationRequested();

                // After a server's restart thousands of watches are asked for at once. While it answers any of them our turn will come; to end the stream then would start all of them again.
                if (_watch.StreamIsSilentFor < patience) continue;

                // Only a watch that is created may be silent; before that, silence is a server that hangs.
                var late = new GrpcException(GrpcStatus.DeadlineExceeded, "the server did not create the watch in time", e);
                _watch.EndStream(late);
                throw late;
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

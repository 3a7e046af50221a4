using System.Diagnostics;
using Conclave.Wire.Grpc;
using Google.Protobuf;

namespace Conclave.Wire.Etcd;

/// <summary>
/// A client of etcd v3: a real etcd or Conclave's own server. Thread-safe; one per program is enough. It stays with the endpoint that
/// answered last and goes to the next when that one cannot be reached. Reads are tried again until the request times out; a write is tried
/// again only when it is certain that nothing of it had an effect, else it ends in an <see cref="EtcdException"/> with
/// <see cref="EtcdException.OutcomeUnknown"/>.
/// </summary>
public sealed class EtcdClient : IAsyncDisposable
{
    private readonly EtcdClientOptions _options;
    private readonly Login _login;
    private readonly EndpointRing _endpoints;
    private readonly KeepAliveStream _keepAlive;
    private readonly WatchStream _watches;

    /// <summary>A client for these endpoints. Nothing is dialled before the first request.</summary>
    /// <exception cref="ArgumentException">The options make no client; see <see cref="EtcdClientOptions.Validate"/>.</exception>
    public EtcdClient(EtcdClientOptions options)
    {
        _options = options;
        _login = new Login(options.Credentials);
        _endpoints = new EndpointRing(options, _login);
        _keepAlive = new KeepAliveStream();
        _watches = new WatchStream(options.WatchBacklogMax, options.Time);
    }

    /// <summary>Reads a key or a range. Linearizable unless the request says serializable.</summary>
    public Task<RangeResponse> RangeAsync(RangeRequest request, CancellationToken cancellation = default) =>
        UnaryAsync(EtcdMethods.Range, request, write: false, cancellation);

    /// <summary>Writes a key.</summary>
    public Task<PutResponse> PutAsync(PutRequest request, CancellationToken cancellation = default) =>
        UnaryAsync(EtcdMethods.Put, request, write: true, cancellation);

    /// <summary>Deletes a key or a range.</summary>
    public Task<DeleteRangeResponse> DeleteRangeAsync(DeleteRangeRequest request, CancellationToken cancellation = default) =>
        UnaryAsync(EtcdMethods.DeleteRange, request, write: true, cancellation);

    /// <summary>Compares, then applies one of two branches, atomically. A transaction that can only read is tried again like a read.</summary>
    public Task<TxnResponse> TxnAsync(TxnRequest request, CancellationToken cancellation = default) =>
        UnaryAsync(EtcdMethods.Txn, request, write: !OnlyReads(request), cancellation);

    /// <summary>Forgets the history below a revision.</summary>
    public Task<CompactionResponse> CompactAsync(CompactionRequest request, CancellationToken cancellation = default) =>
        UnaryAsync(EtcdMethods.Compact, request, write: true, cancellation);

    /// <summary>Creates a lease. TTL in seconds; ID 0 lets the server choose.</summary>
    public Task<LeaseGrantResponse> LeaseGrantAsync(LeaseGrantRequest request, CancellationToken cancellation = default) =>
        UnaryAsync(EtcdMethods.LeaseGrant, request, write: true, cancellation);

    /// <summary>Ends a lease and deletes the keys attached to it.</summary>
    public Task<LeaseRevokeResponse> LeaseRevokeAsync(LeaseRevokeRequest request, CancellationToken cancellation = default) =>
        UnaryAsync(EtcdMethods.LeaseRevoke, request, write: true, cancellation);

    /// <summary>What is left of a lease; TTL -1 when there is none.</summary>
    public Task<LeaseTimeToLiveResponse> LeaseTimeToLiveAsync(LeaseTimeToLiveRequest request, CancellationToken cancellation = default) =>
        UnaryAsync(EtcdMethods.LeaseTimeToLive, request, write: false, cancellation);

    /// <summary>All leases.</summary>
    public Task<LeaseLeasesResponse> LeaseLeasesAsync(CancellationToken cancellation = default) =>
        UnaryAsync(EtcdMethods.LeaseLeases, new LeaseLeasesRequest(), write: false, cancellation);

    /// <summary>
    /// Renews a lease once. <c>TTL</c> of the answer is what was granted, in seconds; 0 or less: the lease is gone. All renewals share one
    /// stream, and since renewing twice does no harm, a renewal is tried again elsewhere until the request times out.
    /// </summary>
    public Task<LeaseKeepAliveResponse> LeaseKeepAliveAsync(long id, CancellationToken cancellation = default) =>
        TryEndpointsAsync((channel, timeout, token) => _keepAlive.RenewAsync(channel, id, timeout, token), write: false, cancellation);

    /// <summary>
    /// The first response is the <c>created</c> one, whose header tells the revision the watch starts from; then events and, if asked for,
    /// progress. Fragments are put together again. All watches share one stream; a broken one is opened again, elsewhere if need be, and each
    /// watch resumes after the last revision delivered: no gap, no duplicate. Ends only by cancellation or with an exception.
    /// </summary>
    /// <exception cref="EtcdCompactedException">History needed by the watch is compacted: read the range again and watch from there.</exception>
    public IAsyncEnumerable<WatchResponse> WatchAsync(WatchCreateRequest request, CancellationToken cancellation = default) =>
        new Watching(_endpoints, _login, _watches, _options, request, cancellation);

    /// <summary>The members of the cluster.</summary>
    public Task<MemberListResponse> MemberListAsync(CancellationToken cancellation = default) =>
        UnaryAsync(EtcdMethods.MemberList, new MemberListRequest { Linearizable = true }, write: false, cancellation);

    /// <summary>The state of one member: that of <paramref name="endpoint"/> (one of the options' or any other), or of the one in use. Not tried elsewhere.</summary>
    public Task<StatusResponse> StatusAsync(string? endpoint = null, CancellationToken cancellation = default) =>
        AskMemberAsync(endpoint, EtcdMethods.Status, new StatusRequest(), cancellation);

    /// <summary>The hash of a member's store at a revision (0: now), equal on all members. Not tried elsewhere.</summary>
    public Task<HashKVResponse> HashKVAsync(string? endpoint = null, long revision = 0, CancellationToken cancellation = default) =>
        AskMemberAsync(endpoint, EtcdMethods.HashKV, new HashKVRequest { Revision = revision }, cancellation);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _keepAlive.DisposeAsync().ConfigureAwait(false);
        await _watches.DisposeAsync().ConfigureAwait(false);
        _endpoints.Dispose();
        _login.Dispose();
    }

    private Task<TResponse> UnaryAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, bool write, CancellationToken cancellation)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> =>
        TryEndpointsAsync((channel, timeout, token) => channel.UnaryAsync(method, request, timeout, token), write, cancellation);

    private async Task<T> TryEndpointsAsync<T>(Func<GrpcChannel, TimeSpan, CancellationToken, Task<T>> attempt, bool write, CancellationToken cancellation)
    {
        var started = Stopwatch.GetTimestamp();
        GrpcException? why = null;
        for (var attempts = 1; ; attempts++)
        {
            var channel = _endpoints.Current;
            var left = _options.RequestTimeout - Stopwatch.GetElapsedTime(started);
            if (left < TimeSpan.FromMilliseconds(1)) left = TimeSpan.FromMilliseconds(1);

            // A member that hangs must not use up the time of the others; a write has one attempt once it was sent, so that may last.
            var timeout = write || _endpoints.Count == 1 ? left : TimeSpan.FromTicks(Math.Min(left.Ticks, _options.RequestTimeout.Ticks / _endpoints.Count));
            try
            {
                return await EnteredAsync(attempt, channel, timeout, cancellation).ConfigureAwait(false);
            }
            catch (GrpcException e)
            {
                cancellation.ThrowIfCancellationRequested();
                if (CallRules.IsTransient(e)) _endpoints.MoveOn(channel);
                var again = CallRules.IsTransient(e) && (!write || CallRules.HadNoEffect(e));
                why = CallRules.Telling(e, why);
                if (!again || Stopwatch.GetElapsedTime(started) + _options.RetryInterval >= _options.RequestTimeout) throw CallRules.ToEtcd(why, write);
            }

            if (attempts % _endpoints.Count == 0) await Task.Delay(_options.RetryInterval, cancellation).ConfigureAwait(false);
        }
    }

    /// <summary>Once more with another token where etcd takes the one we had no more.</summary>
    private async Task<T> EnteredAsync<T>(Func<GrpcChannel, TimeSpan, CancellationToken, Task<T>> attempt, GrpcChannel channel, TimeSpan timeout, CancellationToken cancellation)
    {
        await _login.EnterAsync(channel, timeout, cancellation).ConfigureAwait(false);
        var token = _login.Token;
        try
        {
            return await attempt(channel, timeout, cancellation).ConfigureAwait(false);
        }
        catch (GrpcException refused) when (_login.MayBeStale(refused))
        {
            _login.Forget(token);
            await _login.EnterAsync(channel, timeout, cancellation).ConfigureAwait(false);
            return await attempt(channel, timeout, cancellation).ConfigureAwait(false);
        }
    }

    private async Task<TResponse> AskMemberAsync<TRequest, TResponse>(
        string? endpoint, GrpcMethod<TRequest, TResponse> method, TRequest request, CancellationToken cancellation)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        var address = endpoint is null ? null : GrpcAddress.Parse(endpoint);
        var own = address is null ? _endpoints.Current : _endpoints.Find(address);
        var passing = own is null ? _endpoints.Connect(address!) : null;
        try
        {
            return await EnteredAsync((channel, timeout, token) => channel.UnaryAsync(method, request, timeout, token), own ?? passing!, _options.RequestTimeout, cancellation).ConfigureAwait(false);
        }
        catch (GrpcException e)
        {
            throw CallRules.ToEtcd(e, write: false);
        }
        finally
        {
            passing?.Dispose();
        }
    }

    private static bool OnlyReads(TxnRequest request) => request.Success.All(OnlyReads) && request.Failure.All(OnlyReads);

    private static bool OnlyReads(RequestOp op) => op.RequestCase switch
    {
        RequestOp.RequestOneofCase.RequestRange => true,
        RequestOp.RequestOneofCase.RequestTxn => OnlyReads(op.RequestTxn),
        _ => false,
    };
}

namespace Conclave.Wire.Etcd;

/// <summary>
/// A client of etcd v3: a real etcd or Conclave's own server. Thread-safe; one per program is enough. It stays with the endpoint that
/// answered last and goes to the next when that one cannot be reached. Reads are tried again until the request times out; a write is tried
/// again only when it is certain that nothing of it reached a server, else it ends in an <see cref="EtcdException"/> with
/// <see cref="EtcdException.OutcomeUnknown"/>.
/// </summary>
public sealed class EtcdClient : IAsyncDisposable
{
    /// <summary>A client for these endpoints. Nothing is dialled before the first request.</summary>
    /// <exception cref="ArgumentException">No endpoint, or one that cannot be read.</exception>
    public EtcdClient(EtcdClientOptions options) => throw new NotSupportedException();

    /// <summary>Reads a key or a range. Linearizable unless the request says serializable.</summary>
    public Task<RangeResponse> RangeAsync(RangeRequest request, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>Writes a key.</summary>
    public Task<PutResponse> PutAsync(PutRequest request, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>Deletes a key or a range.</summary>
    public Task<DeleteRangeResponse> DeleteRangeAsync(DeleteRangeRequest request, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>Compares, then applies one of two branches, atomically.</summary>
    public Task<TxnResponse> TxnAsync(TxnRequest request, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>Forgets the history below a revision.</summary>
    public Task<CompactionResponse> CompactAsync(CompactionRequest request, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>Creates a lease. TTL in seconds; ID 0 lets the server choose.</summary>
    public Task<LeaseGrantResponse> LeaseGrantAsync(LeaseGrantRequest request, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>Ends a lease and deletes the keys attached to it.</summary>
    public Task<LeaseRevokeResponse> LeaseRevokeAsync(LeaseRevokeRequest request, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>What is left of a lease; TTL -1 when there is none.</summary>
    public Task<LeaseTimeToLiveResponse> LeaseTimeToLiveAsync(LeaseTimeToLiveRequest request, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>All leases.</summary>
    public Task<LeaseLeasesResponse> LeaseLeasesAsync(CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>
    /// Renews a lease once. <c>TTL</c> of the answer is what was granted, in seconds; 0 or less: the lease is gone. All renewals share one stream.
    /// </summary>
    public Task<LeaseKeepAliveResponse> LeaseKeepAliveAsync(long id, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>
    /// The first response is the <c>created</c> one, whose header tells the revision the watch starts from; then events and, if asked for,
    /// progress. Fragments are put together again. A broken stream is opened again, elsewhere if need be, and resumes after the last revision
    /// delivered: no gap, no duplicate. Ends only by cancellation or with an exception.
    /// </summary>
    /// <exception cref="EtcdCompactedException">History needed by the watch is compacted: read the range again and watch from there.</exception>
    public IAsyncEnumerable<WatchResponse> WatchAsync(WatchCreateRequest request, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>The members of the cluster.</summary>
    public Task<MemberListResponse> MemberListAsync(CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>The state of one member: that of <paramref name="endpoint"/> (one of the options' or any other), or of the one in use. Not tried elsewhere.</summary>
    public Task<StatusResponse> StatusAsync(string? endpoint = null, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <summary>The hash of a member's store at a revision (0: now). Not tried elsewhere.</summary>
    public Task<HashKVResponse> HashKVAsync(string? endpoint = null, long revision = 0, CancellationToken cancellation = default) => throw new NotSupportedException();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => throw new NotSupportedException();
}

using System.Text.Json.Serialization.Metadata;
using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Orchestration.Cluster;

/// <summary>
/// The only way a leader writes: each write is a transaction that compares the seat's mod revision with the leader's token, so that the store refuses a leader that
/// was paused, cut off or elected by an election that allows two (DESIGN 5.9).
/// </summary>
public sealed class FencedStore(ClusterStore store, FencingToken token)
{
    /// <summary>The token that every write carries.</summary>
    public FencingToken Token { get; } = token;

    /// <summary>Writes a record; answers the store's revision after it.</summary>
    /// <exception cref="DeposedException">Somebody else holds the seat; nothing was written.</exception>
    public Task<long> PutAsync<T>(string key, T record, JsonTypeInfo<T> type, CancellationToken cancel) =>
        CommitAsync(new RequestOp { RequestPut = ClusterStore.PutOf(key, record, type) }, cancel);

    /// <summary>Deletes a record; answers the store's revision after it.</summary>
    /// <exception cref="DeposedException">Somebody else holds the seat; nothing was deleted.</exception>
    public Task<long> DeleteAsync(string key, CancellationToken cancel) =>
        CommitAsync(new RequestOp { RequestDeleteRange = new DeleteRangeRequest { Key = ByteString.CopyFromUtf8(key) } }, cancel);

    private async Task<long> CommitAsync(RequestOp operation, CancellationToken cancel)
    {
        var request = new TxnRequest();
        request.Compare.Add(ClusterStore.ModRevisionIs(store.Keys.Leader, Token.Value));
        request.Success.Add(operation);
        var answer = await store.Client.TxnAsync(request, cancel);
        return answer.Succeeded ? answer.Header.Revision : throw new DeposedException(Token);
    }
}

/// <summary>The store refused a leader's write: its fencing token is no longer the seat's.</summary>
public sealed class DeposedException(FencingToken token) : Exception($"The seat has a newer holder than token {token}; this leader steps down.")
{
    /// <summary>The token that was refused.</summary>
    public FencingToken Token { get; } = token;
}

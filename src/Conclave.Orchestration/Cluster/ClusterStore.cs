using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Orchestration.Cluster;

/// <summary>The coordination store as the cluster's records; reached only through an etcd client, so that it may be our own group or an etcd. Thread-safe.</summary>
public sealed class ClusterStore(EtcdClient client, ClusterKeys keys)
{
    /// <summary>Where things are.</summary>
    public ClusterKeys Keys { get; } = keys;

    /// <summary>The client underneath.</summary>
    public EtcdClient Client { get; } = client;

    /// <summary>Writes a record, under <paramref name="lease"/> unless it is 0.</summary>
    /// <exception cref="EtcdException">The store refused, or the outcome is unknown.</exception>
    public Task PutAsync<T>(string key, T record, JsonTypeInfo<T> type, long lease, CancellationToken cancel) =>
        Client.PutAsync(PutOf(key, record, type, lease), cancel);

    /// <summary>Deletes a record.</summary>
    /// <exception cref="EtcdException">The store refused, or the outcome is unknown.</exception>
    public Task DeleteAsync(string key, CancellationToken cancel) =>
        Client.DeleteRangeAsync(new DeleteRangeRequest { Key = ByteString.CopyFromUtf8(key) }, cancel);

    /// <summary>
    /// Changes one record by reading it and writing it back if nobody wrote in between, again until it worked. <paramref name="change"/> gets null for a missing
    /// record and answers null to leave things as they are.
    /// </summary>
    public async Task<T?> UpdateAsync<T>(string key, JsonTypeInfo<T> type, Func<T?, T?> change, CancellationToken cancel)
        where T : class
    {
        while (true)
        {
            var found = await Client.RangeAsync(new RangeRequest { Key = ByteString.CopyFromUtf8(key) }, cancel);
            var kv = found.Kvs.Count == 0 ? null : found.Kvs[0];
            var next = change(kv is null ? null : JsonSerializer.Deserialize(kv.Value.Span, type));
            if (next is null)
                return null;
            if (await TryPutAsync(key, next, type, kv?.ModRevision ?? 0, cancel) is not null)
                return next;
        }
    }

    /// <summary>
    /// Writes a record if the key's mod revision is still <paramref name="expected"/> (0: it does not exist). Answers the new mod revision, or null when somebody else wrote.
    /// </summary>
    public async Task<long?> TryPutAsync<T>(string key, T record, JsonTypeInfo<T> type, long expected, CancellationToken cancel)
    {
        var request = new TxnRequest();
        request.Compare.Add(ModRevisionIs(key, expected));
        request.Success.Add(new RequestOp { RequestPut = PutOf(key, record, type) });
        var answer = await Client.TxnAsync(request, cancel);
        return answer.Succeeded ? answer.Header.Revision : null;
    }

    /// <summary>The whole view, as of one revision.</summary>
    /// <param name="serializable">True: from whichever member answers, perhaps behind, but also without a quorum.</param>
    /// <param name="cancel">Gives up.</param>
    public async Task<ClusterView> ReadAsync(bool serializable, CancellationToken cancel)
    {
        var all = await Client.RangeAsync(
            new RangeRequest
            {
                Key = ByteString.CopyFromUtf8(Keys.Root),
                RangeEnd = ByteString.CopyFrom(ClusterKeys.EndOf(Keys.Root)),
                Serializable = serializable,
            },
            cancel);
        var view = ClusterView.Empty with { Revision = all.Header.Revision };
        foreach (var kv in all.Kvs)
            view = view.With(Keys, kv.Key.ToStringUtf8(), kv.Value.Memory, kv.ModRevision);
        return view;
    }

    internal static PutRequest PutOf<T>(string key, T record, JsonTypeInfo<T> type, long lease = 0) => new()
    {
        Key = ByteString.CopyFromUtf8(key),
        Value = UnsafeByteOperations.UnsafeWrap(JsonSerializer.SerializeToUtf8Bytes(record, type)),
        Lease = lease,
    };

    internal static Compare ModRevisionIs(string key, long revision) => new()
    {
        Key = ByteString.CopyFromUtf8(key),
        Target = Compare.Types.CompareTarget.Mod,
        Result = Compare.Types.CompareResult.Equal,
        ModRevision = revision,
    };
}

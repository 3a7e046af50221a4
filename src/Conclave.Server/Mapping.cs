using System.Diagnostics;
using Conclave.Store;
using Conclave.Store.Mvcc;
using Conclave.Wire.Etcd;
using Google.Protobuf;
using Compare = Conclave.Wire.Etcd.Compare;
using KeyValue = Conclave.Wire.Etcd.KeyValue;

namespace Conclave.Server;

/// <summary>
/// Between etcd's messages and our words, both ways. Bytes are shared, not copied: messages are never changed once parsed, and neither are the store's versions.
/// </summary>
internal static class Mapping
{
    public static Command.Range ToCommand(RangeRequest request) => new(new RangeQuery(Keys(request.Key, request.RangeEnd))
    {
        Revision = new Revision(request.Revision),
        Limit = request.Limit,
        Sort = ToSort(request.SortTarget),
        Order = ToOrder(request.SortOrder),
        KeysOnly = request.KeysOnly,
        CountOnly = request.CountOnly,
        MinModRevision = new Revision(request.MinModRevision),
        MaxModRevision = new Revision(request.MaxModRevision),
        MinCreateRevision = new Revision(request.MinCreateRevision),
        MaxCreateRevision = new Revision(request.MaxCreateRevision),
    });

    public static Command.Put ToCommand(PutRequest request) =>
        new(request.Key.Memory, request.Value.Memory, new LeaseId(request.Lease), request.PrevKv, request.IgnoreValue, request.IgnoreLease);

    public static Command.DeleteRange ToCommand(DeleteRangeRequest request) => new(Keys(request.Key, request.RangeEnd), request.PrevKv);

    public static Command.Txn ToCommand(TxnRequest request) => new(
        [.. request.Compare.Select(ToCompare)], [.. request.Success.Select(ToOp)], [.. request.Failure.Select(ToOp)]);

    public static KeyRange Keys(ByteString key, ByteString end) => new(key.Memory, end.Memory);

    public static RangeResponse ToResponse(CommandResult.Range result, ResponseHeader header) => ToResponse(result.Found, header);

    public static RangeResponse ToResponse(RangeResult found, ResponseHeader header)
    {
        var response = new RangeResponse { Header = header, More = found.More, Count = found.Count };
        response.Kvs.Capacity = found.Kvs.Count;
        foreach (var kv in found.Kvs) response.Kvs.Add(ToKeyValue(kv));
        return response;
    }

    public static PutResponse ToResponse(CommandResult.Put result, ResponseHeader header) =>
        new() { Header = header, PrevKv = result.Previous is { } previous ? ToKeyValue(previous) : null };

    public static DeleteRangeResponse ToResponse(CommandResult.DeleteRange result, ResponseHeader header)
    {
        var response = new DeleteRangeResponse { Header = header, Deleted = result.Deleted };
        foreach (var kv in result.Previous) response.PrevKvs.Add(ToKeyValue(kv));
        return response;
    }

    public static TxnResponse ToResponse(CommandResult.Txn result, ResponseHeader header)
    {
        var response = new TxnResponse { Header = header, Succeeded = result.Succeeded };
        foreach (var inner in result.Results) response.Responses.Add(ToResponseOp(inner));
        return response;
    }

    public static KeyValue ToKeyValue(Store.Mvcc.KeyValue kv) => new()
    {
        Key = UnsafeByteOperations.UnsafeWrap(kv.Key),
        Value = UnsafeByteOperations.UnsafeWrap(kv.Value),
        CreateRevision = kv.CreateRevision.Value,
        ModRevision = kv.ModRevision.Value,
        Version = kv.Version,
        Lease = kv.Lease.Value,
    };

    public static Event ToEvent(in StoreEvent happened, bool prevKv) => new()
    {
        Type = happened.IsDelete ? Event.Types.EventType.Delete : Event.Types.EventType.Put,
        Kv = ToKeyValue(happened.Kv),
        PrevKv = prevKv && happened.Previous is { } previous ? ToKeyValue(previous) : null,
    };

    private static Command.Op ToOp(RequestOp op) => op.RequestCase switch
    {
        RequestOp.RequestOneofCase.RequestRange => ToCommand(op.RequestRange),
        RequestOp.RequestOneofCase.RequestPut => ToCommand(op.RequestPut),
        RequestOp.RequestOneofCase.RequestDeleteRange => ToCommand(op.RequestDeleteRange),
        RequestOp.RequestOneofCase.RequestTxn => ToCommand(op.RequestTxn),
        _ => throw EtcdErrors.KeyNotFound, // etcd's answer to an operation that says nothing
    };

    // A number that we do not know must not get into the log: no member could apply it. So no casts here.
    private static RangeSort ToSort(RangeRequest.Types.SortTarget target) => target switch
    {
        RangeRequest.Types.SortTarget.Key => RangeSort.Key,
        RangeRequest.Types.SortTarget.Version => RangeSort.Version,
        RangeRequest.Types.SortTarget.Create => RangeSort.Create,
        RangeRequest.Types.SortTarget.Mod => RangeSort.Mod,
        RangeRequest.Types.SortTarget.Value => RangeSort.Value,
        _ => throw EtcdErrors.InvalidSortOption,
    };

    private static RangeOrder ToOrder(RangeRequest.Types.SortOrder order) => order switch
    {
        RangeRequest.Types.SortOrder.None => RangeOrder.None,
        RangeRequest.Types.SortOrder.Ascend => RangeOrder.Ascending,
        RangeRequest.Types.SortOrder.Descend => RangeOrder.Descending,
        _ => throw EtcdErrors.InvalidSortOption,
    };

    /// <summary>A number that the target names but that was not sent is zero, as in etcd.</summary>
    private static Store.Compare ToCompare(Compare compare)
    {
        var (target, number) = compare.Target switch
        {
            Compare.Types.CompareTarget.Version => (CompareTarget.Version, compare.Version),
            Compare.Types.CompareTarget.Create => (CompareTarget.Create, compare.CreateRevision),
            Compare.Types.CompareTarget.Mod => (CompareTarget.Mod, compare.ModRevision),
            Compare.Types.CompareTarget.Value => (CompareTarget.Value, 0),
            Compare.Types.CompareTarget.Lease => (CompareTarget.Lease, compare.Lease),
            _ => throw EtcdErrors.InvalidCompare,
        };
        return new Store.Compare(Keys(compare.Key, compare.RangeEnd), target, ToRelation(compare.Result), number, compare.Value.Memory);
    }

    private static CompareRelation ToRelation(Compare.Types.CompareResult result) => result switch
    {
        Compare.Types.CompareResult.Equal => CompareRelation.Equal,
        Compare.Types.CompareResult.Greater => CompareRelation.Greater,
        Compare.Types.CompareResult.Less => CompareRelation.Less,
        Compare.Types.CompareResult.NotEqual => CompareRelation.NotEqual,
        _ => throw EtcdErrors.InvalidCompare,
    };

    private static ResponseOp ToResponseOp(CommandResult result)
    {
        var header = new ResponseHeader { Revision = result.Revision.Value };
        return result switch
        {
            CommandResult.Range range => new ResponseOp { ResponseRange = ToResponse(range, header) },
            CommandResult.Put put => new ResponseOp { ResponsePut = ToResponse(put, header) },
            CommandResult.DeleteRange delete => new ResponseOp { ResponseDeleteRange = ToResponse(delete, header) },
            CommandResult.Txn txn => new ResponseOp { ResponseTxn = ToResponse(txn, header) },
            _ => throw new UnreachableException(),
        };
    }
}

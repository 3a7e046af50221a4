using Conclave.Store;
using Conclave.Store.Mvcc;
using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Server.Services;

/// <summary><c>etcdserverpb.KV</c>: reads go to the store once it may be read, everything else through the log.</summary>
internal sealed class KvService(EtcdMethodMap map, StoreLimits limits, int requestBytesMax)
{
    public void Map()
    {
        map.Unary(EtcdMethods.Range, RangeAsync);
        map.Unary(EtcdMethods.Put, async (request, cancellation) =>
        {
            var result = await WriteAsync<CommandResult.Put>(request, Mapping.ToCommand(request), cancellation);
            return Mapping.ToResponse(result, map.Header(result.Revision));
        });
        map.Unary(EtcdMethods.DeleteRange, async (request, cancellation) =>
        {
            var result = await WriteAsync<CommandResult.DeleteRange>(request, Mapping.ToCommand(request), cancellation);
            return Mapping.ToResponse(result, map.Header(result.Revision));
        });
        map.Unary(EtcdMethods.Txn, async (request, cancellation) =>
        {
            var result = await WriteAsync<CommandResult.Txn>(request, Mapping.ToCommand(request), cancellation);
            return Mapping.ToResponse(result, map.Header(result.Revision));
        });
        map.Unary(EtcdMethods.Compact, async (request, cancellation) =>
        {
            // With physical the answer waits until memory is given back; our history shrinks with the entries that follow, so there is nothing to wait for.
            var result = await WriteAsync<CommandResult.Compacted>(request, new Command.Compact(new Revision(request.Revision)), cancellation);
            return new CompactionResponse { Header = map.Header(result.Revision) };
        });
    }

    private async Task<RangeResponse> RangeAsync(RangeRequest request, CancellationToken cancellation)
    {
        var command = Mapping.ToCommand(request);
        Refuse(CommandGate.Check(command, limits));
        var (error, found, revision) = await map.Member.ReadAsync(
            linearizable: !request.Serializable,
            applier => (applier.Store.Range(command.Query, out var result), result, applier.Store.Current),
            cancellation);
        Refuse(error);
        return Mapping.ToResponse(found, map.Header(revision));
    }

    private async Task<T> WriteAsync<T>(IMessage request, Command command, CancellationToken cancellation)
        where T : CommandResult
    {
        Refuse(CommandGate.Check(command, limits));
        if (request.CalculateSize() > requestBytesMax) throw EtcdErrors.RequestTooLarge;
        return await map.ProposeAsync<T>(command, cancellation);
    }

    private static void Refuse(StoreError error)
    {
        if (error != StoreError.None) throw EtcdErrors.Of(error);
    }
}

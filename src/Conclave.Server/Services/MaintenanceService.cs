using Conclave.Store;
using Conclave.Wire.Etcd;

namespace Conclave.Server.Services;

/// <summary><c>etcdserverpb.Maintenance</c>: how this very member stands.</summary>
internal sealed class MaintenanceService(EtcdMethodMap map)
{
    public void Map()
    {
        map.Unary(EtcdMethods.Status, StatusAsync);
        map.Unary(EtcdMethods.HashKV, HashKVAsync);
    }

    private async Task<StatusResponse> StatusAsync(StatusRequest request, CancellationToken cancellation)
    {
        var storeBytes = await map.Member.ReadAsync(linearizable: false, applier => applier.Store.SizeInBytes, cancellation);
        var status = map.Member.Status;
        var response = new StatusResponse
        {
            Header = map.Header(status.Revision),
            Version = ServerVersion.Text,
            DbSize = storeBytes + status.LogBytes,
            DbSizeInUse = storeBytes,
            Leader = status.Leader?.Value ?? 0,
            RaftIndex = status.Commit.Value,
            RaftTerm = status.Term.Value,
            RaftAppliedIndex = status.Applied.Value,
        };
        if (status.Leader is null) response.Errors.Add(EtcdErrors.NoLeader.Message);
        return response;
    }

    private async Task<HashKVResponse> HashKVAsync(HashKVRequest request, CancellationToken cancellation)
    {
        var (error, hash, revision) = await map.Member.ReadAsync(
            linearizable: false,
            applier => (applier.Store.HashKv(new Revision(request.Revision), out var result), result, applier.Store.Current),
            cancellation);
        if (error != StoreError.None) throw EtcdErrors.Of(error);
        return new HashKVResponse
        {
            Header = map.Header(revision),
            Hash = hash.Hash,
            CompactRevision = hash.Compacted.Value,
            HashRevision = hash.At.Value,
        };
    }
}

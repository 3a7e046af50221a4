using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>The methods of the etcd v3 services that Conclave serves or dials.</summary>
public static class EtcdMethods
{
    /// <summary>Unary.</summary>
    public static GrpcMethod<RangeRequest, RangeResponse> Range { get; } = new("/etcdserverpb.KV/Range", RangeRequest.Parser, RangeResponse.Parser);

    /// <summary>Unary.</summary>
    public static GrpcMethod<PutRequest, PutResponse> Put { get; } = new("/etcdserverpb.KV/Put", PutRequest.Parser, PutResponse.Parser);

    /// <summary>Unary.</summary>
    public static GrpcMethod<DeleteRangeRequest, DeleteRangeResponse> DeleteRange { get; } =
        new("/etcdserverpb.KV/DeleteRange", DeleteRangeRequest.Parser, DeleteRangeResponse.Parser);

    /// <summary>Unary.</summary>
    public static GrpcMethod<TxnRequest, TxnResponse> Txn { get; } = new("/etcdserverpb.KV/Txn", TxnRequest.Parser, TxnResponse.Parser);

    /// <summary>Unary.</summary>
    public static GrpcMethod<CompactionRequest, CompactionResponse> Compact { get; } =
        new("/etcdserverpb.KV/Compact", CompactionRequest.Parser, CompactionResponse.Parser);

    /// <summary>Both sides stream: many watches share one call.</summary>
    public static GrpcMethod<WatchRequest, WatchResponse> Watch { get; } = new("/etcdserverpb.Watch/Watch", WatchRequest.Parser, WatchResponse.Parser);

    /// <summary>Unary.</summary>
    public static GrpcMethod<LeaseGrantRequest, LeaseGrantResponse> LeaseGrant { get; } =
        new("/etcdserverpb.Lease/LeaseGrant", LeaseGrantRequest.Parser, LeaseGrantResponse.Parser);

    /// <summary>Unary.</summary>
    public static GrpcMethod<LeaseRevokeRequest, LeaseRevokeResponse> LeaseRevoke { get; } =
        new("/etcdserverpb.Lease/LeaseRevoke", LeaseRevokeRequest.Parser, LeaseRevokeResponse.Parser);

    /// <summary>Both sides stream: one answer for each request, in order.</summary>
    public static GrpcMethod<LeaseKeepAliveRequest, LeaseKeepAliveResponse> LeaseKeepAlive { get; } =
        new("/etcdserverpb.Lease/LeaseKeepAlive", LeaseKeepAliveRequest.Parser, LeaseKeepAliveResponse.Parser);

    /// <summary>Unary.</summary>
    public static GrpcMethod<LeaseTimeToLiveRequest, LeaseTimeToLiveResponse> LeaseTimeToLive { get; } =
        new("/etcdserverpb.Lease/LeaseTimeToLive", LeaseTimeToLiveRequest.Parser, LeaseTimeToLiveResponse.Parser);

    /// <summary>Unary.</summary>
    public static GrpcMethod<LeaseLeasesRequest, LeaseLeasesResponse> LeaseLeases { get; } =
        new("/etcdserverpb.Lease/LeaseLeases", LeaseLeasesRequest.Parser, LeaseLeasesResponse.Parser);

    /// <summary>Unary.</summary>
    public static GrpcMethod<MemberListRequest, MemberListResponse> MemberList { get; } =
        new("/etcdserverpb.Cluster/MemberList", MemberListRequest.Parser, MemberListResponse.Parser);

    /// <summary>Unary.</summary>
    public static GrpcMethod<StatusRequest, StatusResponse> Status { get; } =
        new("/etcdserverpb.Maintenance/Status", StatusRequest.Parser, StatusResponse.Parser);

    /// <summary>Unary. Dialled only: Conclave's own server has no users yet.</summary>
    public static GrpcMethod<AuthenticateRequest, AuthenticateResponse> Authenticate { get; } =
        new("/etcdserverpb.Auth/Authenticate", AuthenticateRequest.Parser, AuthenticateResponse.Parser);

    /// <summary>Unary.</summary>
    public static GrpcMethod<HashKVRequest, HashKVResponse> HashKV { get; } =
        new("/etcdserverpb.Maintenance/HashKV", HashKVRequest.Parser, HashKVResponse.Parser);
}

using System.Diagnostics;
using Conclave.Store;
using Conclave.Wire.Grpc;

namespace Conclave.Server;

/// <summary>
/// Every error that clients of etcd know by its status and its text, letter for letter: Go's client matches on the text. What the store and the replica
/// say in our words becomes one of these here and nowhere else.
/// </summary>
internal static class EtcdErrors
{
    public static GrpcException EmptyKey => new(GrpcStatus.InvalidArgument, "etcdserver: key is not provided");

    public static GrpcException KeyNotFound => new(GrpcStatus.InvalidArgument, "etcdserver: key not found");

    public static GrpcException RequestTooLarge => new(GrpcStatus.InvalidArgument, "etcdserver: request is too large");

    public static GrpcException InvalidSortOption => new(GrpcStatus.InvalidArgument, "etcdserver: invalid sort option");

    /// <summary>Ours: etcd has no text for a target or relation that does not exist.</summary>
    public static GrpcException InvalidCompare => new(GrpcStatus.InvalidArgument, "etcdserver: invalid compare");

    public static GrpcException Compacted => new(GrpcStatus.OutOfRange, CompactedText);

    public static GrpcException LeaseNotFound => new(GrpcStatus.NotFound, "etcdserver: requested lease not found");

    public static GrpcException NoLeader => new(GrpcStatus.Unavailable, "etcdserver: no leader");

    public static GrpcException TimedOut => new(GrpcStatus.Unavailable, "etcdserver: request timed out");

    public static GrpcException LeaderChanged => new(GrpcStatus.Unavailable, "etcdserver: leader changed");

    public static GrpcException TooManyRequests => new(GrpcStatus.ResourceExhausted, "etcdserver: too many requests");

    public static GrpcException Stopped => new(GrpcStatus.Unavailable, StoppedText);

    public const string StoppedText = "etcdserver: server stopped";

    public const string CompactedText = "etcdserver: mvcc: required revision has been compacted";

    /// <summary>In a watch's <c>cancel_reason</c>; etcd has no status for it.</summary>
    public const string WatchIdInUseText = "mvcc: duplicate watch ID provided on the WatchStream";

    /// <summary>Ours, in a watch's <c>cancel_reason</c>: etcd has no bound.</summary>
    public const string TooManyWatchesText = "etcdserver: too many watches on this stream";

    /// <summary>In a watch's <c>cancel_reason</c>.</summary>
    public const string EmptyWatchRangeText = "mvcc: watcher range is empty";

    public static GrpcException Of(StoreError error) => error switch
    {
        StoreError.Compacted => Compacted,
        StoreError.FutureRevision => new(GrpcStatus.OutOfRange, "etcdserver: mvcc: required revision is a future revision"),
        StoreError.KeyNotProvided => EmptyKey,
        StoreError.ValueProvided => new(GrpcStatus.InvalidArgument, "etcdserver: value is provided"),
        StoreError.LeaseProvided => new(GrpcStatus.InvalidArgument, "etcdserver: lease is provided"),
        StoreError.KeyNotFound => KeyNotFound,
        StoreError.LeaseNotFound => LeaseNotFound,
        StoreError.LeaseExists => new(GrpcStatus.FailedPrecondition, "etcdserver: lease already exists"),
        StoreError.LeaseTtlTooLarge => new(GrpcStatus.OutOfRange, "etcdserver: too large lease TTL"),
        StoreError.DuplicateKey => new(GrpcStatus.InvalidArgument, "etcdserver: duplicate key given in txn request"),

        // etcd knows no depth but spends the same budget of operations on it.
        StoreError.TooManyOps or StoreError.TxnTooDeep => new(GrpcStatus.InvalidArgument, "etcdserver: too many operations in txn request"),
        _ => throw new UnreachableException(),
    };

    /// <summary>The end of a proposal that was not applied. Only what certainly had no effect may say "no leader": clients send that again.</summary>
    public static GrpcException Of(ProposalOutcome outcome) => outcome switch
    {
        ProposalOutcome.NotLeader => NoLeader,
        ProposalOutcome.Busy => TooManyRequests,
        ProposalOutcome.Dropped => LeaderChanged,
        ProposalOutcome.Unknown => TimedOut,
        _ => throw new UnreachableException(),
    };
}

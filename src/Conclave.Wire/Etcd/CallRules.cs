using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>What a failed call allows: pure, one place, for requests and streams alike.</summary>
internal static class CallRules
{
    /// <summary>etcd's refusal before it looks at a request: nothing of it has happened.</summary>
    private const string NoLeader = "etcdserver: no leader";

    /// <summary>True: another attempt, here or elsewhere, may succeed.</summary>
    public static bool IsTransient(GrpcException e) => e.Status is GrpcStatus.Unavailable or GrpcStatus.DeadlineExceeded;

    /// <summary>True: a stream that ended so may be opened again. A server that stops ends its streams in any of these ways.</summary>
    public static bool MayReopen(GrpcException e) => IsTransient(e) || e.Status is GrpcStatus.Internal or GrpcStatus.Cancelled;

    /// <summary>True: it is certain that the request had no effect, so that even a write may be sent again.</summary>
    public static bool HadNoEffect(GrpcException e) => e.NothingSent || (e.Status == GrpcStatus.Unavailable && e.Message == NoLeader);

    /// <summary>The statuses that do not say whether a write happened. All others are refusals.</summary>
    public static bool IsOutcomeUnknown(GrpcException e) => !HadNoEffect(e) && e.Status is
        GrpcStatus.Unavailable or GrpcStatus.DeadlineExceeded or GrpcStatus.Cancelled or GrpcStatus.Unknown or GrpcStatus.Internal;

    /// <summary>The failure to tell of, where attempts were made until the time was up: one that was cut off before it sent anything says only that, an earlier one says why.</summary>
    public static GrpcException Telling(GrpcException last, GrpcException? before) =>
        before is { NothingSent: true } && last is { Status: GrpcStatus.DeadlineExceeded, NothingSent: true } ? before : last;

    public static EtcdException ToEtcd(GrpcException e, bool write) => new(e.Status, e.Message, write && IsOutcomeUnknown(e), e);
}

using Conclave.Wire.Grpc;

namespace Conclave.Wire.Etcd;

/// <summary>A request that etcd refused, or that could not be brought to an end. <see cref="Exception.Message"/> is etcd's own text where there is one.</summary>
public class EtcdException : Exception
{
    /// <summary>An end with this status.</summary>
    public EtcdException(GrpcStatus status, string message, bool outcomeUnknown = false, Exception? inner = null) : base(message, inner)
    {
        Status = status;
        OutcomeUnknown = outcomeUnknown;
    }

    /// <summary>The gRPC status; <see cref="GrpcStatus.Unavailable"/> also when no endpoint could be reached.</summary>
    public GrpcStatus Status { get; }

    /// <summary>True when a write may have had its effect although no answer came. Never true for a read or for a refusal.</summary>
    public bool OutcomeUnknown { get; }
}

/// <summary>A watch asked for, or had to resume at, a revision that is compacted. The caller reads the range again and watches from there.</summary>
public sealed class EtcdCompactedException : EtcdException
{
    /// <summary>A watch that ended at this compaction.</summary>
    public EtcdCompactedException(long compactRevision, string message) : base(GrpcStatus.OutOfRange, message) => CompactRevision = compactRevision;

    /// <summary>The oldest revision that can still be read.</summary>
    public long CompactRevision { get; }
}

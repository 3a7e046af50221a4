namespace Conclave.Wire.Grpc;

/// <summary>The status codes of gRPC, with their numbers on the wire.</summary>
public enum GrpcStatus
{
    /// <summary>Done.</summary>
    Ok = 0,

    /// <summary>The caller gave up.</summary>
    Cancelled = 1,

    /// <summary>An error without a better name; also any code above the known ones.</summary>
    Unknown = 2,

    /// <summary>The request is wrong whatever the state of the server.</summary>
    InvalidArgument = 3,

    /// <summary>The deadline passed first. The request may still have its effect.</summary>
    DeadlineExceeded = 4,

    /// <summary>What was asked for does not exist.</summary>
    NotFound = 5,

    /// <summary>What was to be created exists.</summary>
    AlreadyExists = 6,

    /// <summary>The caller is known and may not do this.</summary>
    PermissionDenied = 7,

    /// <summary>A quota or a limit is used up.</summary>
    ResourceExhausted = 8,

    /// <summary>The state of the server does not allow the request now.</summary>
    FailedPrecondition = 9,

    /// <summary>A conflict with a concurrent request.</summary>
    Aborted = 10,

    /// <summary>Beyond the valid range, for instance a compacted or a future revision.</summary>
    OutOfRange = 11,

    /// <summary>The method is not known here.</summary>
    Unimplemented = 12,

    /// <summary>The protocol itself was broken.</summary>
    Internal = 13,

    /// <summary>The service cannot answer now; another endpoint may.</summary>
    Unavailable = 14,

    /// <summary>Stored bytes are lost or damaged.</summary>
    DataLoss = 15,

    /// <summary>The caller is not known.</summary>
    Unauthenticated = 16,
}

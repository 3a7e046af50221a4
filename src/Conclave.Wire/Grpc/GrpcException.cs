namespace Conclave.Wire.Grpc;

/// <summary>The end of a call with a status other than <see cref="GrpcStatus.Ok"/>.</summary>
public class GrpcException : Exception
{
    /// <summary>An end with this status; <paramref name="message"/> travels as <c>grpc-message</c>.</summary>
    public GrpcException(GrpcStatus status, string message, Exception? inner = null) : base(message, inner) => Status = status;

    /// <summary>Why the call ended.</summary>
    public GrpcStatus Status { get; }

    /// <summary>
    /// True when it is certain that no byte of the request reached the other side, so that even a write may be tried again elsewhere.
    /// </summary>
    public bool NothingSent { get; init; }
}

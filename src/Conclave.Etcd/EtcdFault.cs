using Conclave.Wire.Etcd;
using Conclave.Wire.Grpc;

namespace Conclave.Etcd;

/// <summary>The one place that says what a failed request means to an election.</summary>
internal static class EtcdFault
{
    // etcd's clients match on this text, so it does not change.
    private const string LeaseNotFound = "requested lease not found";

    private const string WrongPassword = "etcdserver: authentication failed, invalid user ID or password";
    private const string NoUser = "etcdserver: user name is empty";
    private const string PermissionDenied = "etcdserver: permission denied";

    /// <summary>No answer, or one that another attempt may better: ask again.</summary>
    public static bool IsSilence(Exception fault) =>
        fault is EtcdException { OutcomeUnknown: true }
            or EtcdException { Status: GrpcStatus.Unavailable or GrpcStatus.DeadlineExceeded or GrpcStatus.Cancelled or GrpcStatus.Unknown or GrpcStatus.Aborted }
            or TimeoutException;

    /// <summary>The server does not know the lease that the request relied on.</summary>
    public static bool IsLeaseGone(Exception fault) =>
        fault is EtcdException { Status: GrpcStatus.NotFound } gone && gone.Message.Contains(LeaseNotFound, StringComparison.Ordinal);

    /// <summary>What the user of an election sees: silence, or a refusal that waiting will not cure.</summary>
    public static ElectionException ToElection(string election, Exception fault) => IsSilence(fault)
        ? new ElectionUnavailableException($"Election {election}: etcd did not answer ({fault.Message}). Check the endpoints.", fault)
        : new ElectionException($"Election {election}: etcd refused: {Told(fault)}", fault);

    /// <summary>etcd's own words, and what to do about those that are about who we are.</summary>
    public static string Told(Exception fault) => fault switch
    {
        EtcdException { Message: WrongPassword or NoUser } => $"{fault.Message}. Check {nameof(EtcdClientOptions)}.{nameof(EtcdClientOptions.Credentials)} (name:password)",
        EtcdException { Status: GrpcStatus.PermissionDenied } or EtcdException { Status: GrpcStatus.Cancelled, Message: PermissionDenied } =>
            $"{fault.Message}. Grant the user of {nameof(EtcdClientOptions)}.{nameof(EtcdClientOptions.Credentials)} a role with readwrite permission on the prefix NAME/ of the election",
        _ => fault.Message,
    };
}

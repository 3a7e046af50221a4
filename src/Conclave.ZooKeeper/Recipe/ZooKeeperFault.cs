using Conclave.ZooKeeper.Wire;

namespace Conclave.ZooKeeper;

/// <summary>The one place that says what a failed request means to an election.</summary>
internal static class ZooKeeperFault
{
    /// <summary>No answer, or none from this session: ask again.</summary>
    public static bool IsSilence(Exception fault) => fault is ConnectionLostException or SessionOverException;

    public static bool IsFault(Exception fault) => IsSilence(fault) || fault is ZooKeeperException;

    /// <summary>What the user of an election sees: silence, or a refusal that waiting will not cure.</summary>
    public static ElectionException ToElection(string election, Exception fault) => fault switch
    {
        ZooKeeperException { Code: ErrorCode.NoAuth or ErrorCode.InvalidAcl or ErrorCode.AuthFailed } => new ElectionException(
            $"Election {election}: ZooKeeper refused ({fault.Message}). Check {nameof(ZooKeeperClientOptions)}.{nameof(ZooKeeperClientOptions.Credentials)} and the access list of the election's node.", fault),
        ZooKeeperException { Code: ErrorCode.SessionClosedRequireSaslAuth } => new ElectionException(
            $"Election {election}: ZooKeeper takes authenticated clients only ({fault.Message}). Set {nameof(ZooKeeperClientOptions)}.{nameof(ZooKeeperClientOptions.Credentials)}; SASL is not supported.", fault),
        ZooKeeperException { Code: ErrorCode.Unimplemented } => new ElectionException(
            $"Election {election}: the ZooKeeper server does not know a request ({fault.Message}); 3.6 or later is needed.", fault),
        ZooKeeperException => new ElectionException($"Election {election}: ZooKeeper refused: {fault.Message}", fault),
        _ => new ElectionUnavailableException($"Election {election}: ZooKeeper did not answer ({fault.Message}). Check {nameof(ZooKeeperClientOptions)}.{nameof(ZooKeeperClientOptions.Servers)}.", fault),
    };
}

namespace Conclave.ZooKeeper.Wire;

/// <summary>No answer: whether the request took effect is unknown. Asking again is for the one who asked, who knows whether that is safe.</summary>
internal sealed class ConnectionLostException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>The session is over, by our own clock or by the server's word; what was asked of it must be asked of another.</summary>
internal sealed class SessionOverException(string message) : Exception(message);

/// <summary>The server refused.</summary>
internal sealed class ZooKeeperException(ErrorCode code, string request) : Exception($"{request}: {code}")
{
    public ErrorCode Code { get; } = code;
}

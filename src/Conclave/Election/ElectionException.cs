namespace Conclave;

/// <summary>An election could not do what was asked. The message names the remedy where there is one.</summary>
public class ElectionException : Exception
{
    /// <inheritdoc/>
    public ElectionException(string message)
        : base(message) { }

    /// <inheritdoc/>
    public ElectionException(string message, Exception? cause)
        : base(message, cause) { }
}

/// <summary>The backend did not answer in time or cannot be reached. Whether a request took effect is unknown; trying again is safe.</summary>
public sealed class ElectionUnavailableException(string message, Exception? cause = null) : ElectionException(message, cause);

/// <summary>Changes were missed that the backend can no longer tell; observe again to start from the leader of now.</summary>
public sealed class ElectionHistoryLostException(string message, Exception? cause = null) : ElectionException(message, cause);

/// <summary>An act was attempted on a leadership that is over.</summary>
public sealed class LeadershipLostException(string election, FencingToken token, LossReason? reason)
    : ElectionException($"Leadership {token} of {election} is over ({reason?.ToString() ?? "lease ended"}).")
{
    /// <summary>The token that must not be used any more.</summary>
    public FencingToken FencingToken { get; } = token;

    /// <summary>Why it is over, as far as it is known.</summary>
    public LossReason? Reason { get; } = reason;
}

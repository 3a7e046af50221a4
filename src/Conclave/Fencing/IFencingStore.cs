namespace Conclave;

/// <summary>
/// Remembers the highest token that one resource has seen. Two methods, so that a row, a key or a file can be one.
/// Safe to call from many threads; a store shared by processes must be atomic between them too.
/// </summary>
/// <remarks>
/// An implementation throws when it cannot tell whether the token was kept (<see cref="IOException"/> or <see cref="TimeoutException"/>);
/// the gate turns that into <see cref="FencingVerdict.Unknown"/> and never into an admission.
/// </remarks>
public interface IFencingStore
{
    /// <summary>The highest token kept so far, <see cref="FencingToken.None"/> when there is none. At least as new as any completed advance.</summary>
    ValueTask<FencingToken> ReadAsync(CancellationToken cancellation);

    /// <summary>
    /// Replaces <paramref name="expected"/> by <paramref name="next"/> in one atomic step and returns true once that is as durable as the
    /// store ever makes it; returns false and changes nothing when the store holds another token by now.
    /// </summary>
    ValueTask<bool> TryAdvanceAsync(FencingToken expected, FencingToken next, CancellationToken cancellation);
}

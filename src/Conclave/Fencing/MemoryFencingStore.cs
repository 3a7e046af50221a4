namespace Conclave;

/// <summary>
/// Keeps the token in this process. Enough where the resource itself lives and dies with the process; after a restart it has forgotten,
/// so a resource that outlives the process needs <see cref="FileFencingStore"/> or a store beside the data.
/// </summary>
public sealed class MemoryFencingStore : IFencingStore
{
    private long _highest;

    /// <inheritdoc/>
    public ValueTask<FencingToken> ReadAsync(CancellationToken cancellation) => new(new FencingToken(Volatile.Read(ref _highest)));

    /// <inheritdoc/>
    public ValueTask<bool> TryAdvanceAsync(FencingToken expected, FencingToken next, CancellationToken cancellation) =>
        new(Interlocked.CompareExchange(ref _highest, next.Value, expected.Value) == expected.Value);
}

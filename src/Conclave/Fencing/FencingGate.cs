namespace Conclave;

/// <summary>
/// Stands in front of a resource and refuses leaders of the past: a token passes only while no newer one has. Put it where the effect
/// happens (the API that bills, the process that writes the file), not where the leader runs: no timer can help a process that is stopped.
/// </summary>
/// <remarks>
/// Thread-safe. <see cref="CheckAsync"/> says whether a token may act; between its answer and the act a newer leader may pass.
/// <see cref="RunAsync"/> closes that gap within this gate: an admitted act has ended before a newer token is admitted.
/// </remarks>
public sealed class FencingGate(IFencingStore store) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);

    /// <summary>Admits the token and keeps it, unless a newer one was admitted before.</summary>
    public async ValueTask<FencingVerdict> CheckAsync(FencingToken token, CancellationToken cancellation)
    {
        RequireToken(token);
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            return await AdmitAsync(token, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>
    /// Runs <paramref name="act"/> only if the token is admitted, and holds every other caller of this gate until it has ended: acts of an
    /// older leader can never follow those of a newer one. Returns the verdict; exceptions of the act pass through.
    /// </summary>
    public async ValueTask<FencingVerdict> RunAsync(FencingToken token, Func<CancellationToken, Task> act, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(act);
        RequireToken(token);
        await _turn.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            var verdict = await AdmitAsync(token, cancellation).ConfigureAwait(false);
            if (verdict is FencingVerdict.Admitted)
                await act(cancellation).ConfigureAwait(false);
            return verdict;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Frees the gate; the store is its owner's.</summary>
    public void Dispose() => _turn.Dispose();

    // The loop ends: an advance fails only because somebody else raised the token, and once it is above ours we refuse.
    private async ValueTask<FencingVerdict> AdmitAsync(FencingToken token, CancellationToken cancellation)
    {
        try
        {
            while (true)
            {
                var highest = await store.ReadAsync(cancellation).ConfigureAwait(false);
                if (token < highest)
                    return new FencingVerdict.Refused(highest);
                if (token == highest)
                    return new FencingVerdict.Admitted();
                if (await store.TryAdvanceAsync(highest, token, cancellation).ConfigureAwait(false))
                    return new FencingVerdict.Admitted();
            }
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException or TimeoutException)
        {
            return new FencingVerdict.Unknown(fault);
        }
    }

    private static void RequireToken(FencingToken token)
    {
        if (token <= FencingToken.None)
            throw new ArgumentOutOfRangeException(nameof(token), token, "A fencing token is positive; this one was never issued.");
    }
}

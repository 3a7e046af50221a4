namespace Conclave;

/// <summary>
/// Pauses between attempts, for those who write a backend: they double from the first to the longest, each drawn between its half and itself so that many candidates do not return in step. For one task at a time.
/// </summary>
/// <param name="first">The first pause, at most.</param>
/// <param name="longest">What the pauses grow to.</param>
/// <param name="time">What they are measured by.</param>
public sealed class RetryBackoff(TimeSpan first, TimeSpan longest, TimeProvider time)
{
    private readonly RetryDelay _delay = new(first, longest);
    private int _failures;

    /// <summary>Waits before the next attempt.</summary>
    public Task PauseAsync(CancellationToken cancellation) => Task.Delay(_delay.After(++_failures, Random.Shared.NextDouble()), time, cancellation);

    /// <summary>An attempt succeeded: the next pause is the first again.</summary>
    public void Reset() => _failures = 0;
}

namespace Conclave.Peers;

/// <summary>Pauses that double from the first to the longest, each drawn between its half and itself so that many candidates do not return in step.</summary>
internal sealed class Backoff(TimeProvider time)
{
    private static readonly TimeSpan Longest = TimeSpan.FromMilliseconds(500);
    private TimeSpan _next = TimeSpan.FromMilliseconds(10);

    public Task PauseAsync(CancellationToken cancellation)
    {
        var pause = _next * (0.5 + (Random.Shared.NextDouble() / 2));
        _next = _next * 2 < Longest ? _next * 2 : Longest;
        return Task.Delay(pause, time, cancellation);
    }
}

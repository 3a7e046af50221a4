namespace Conclave.Kubernetes;

/// <summary>Pauses that double from the first to the longest, each drawn between its half and itself so that many candidates do not return in step.</summary>
internal sealed class Backoff(KubernetesClientOptions options, TimeProvider time)
{
    private TimeSpan _next = options.RetryIntervalMin;

    public Task PauseAsync(CancellationToken cancellation)
    {
        var pause = _next * (0.5 + (Random.Shared.NextDouble() / 2));
        _next = _next * 2 < options.RetryIntervalMax ? _next * 2 : options.RetryIntervalMax;
        return Task.Delay(pause, time, cancellation);
    }

    public void Reset() => _next = options.RetryIntervalMin;
}

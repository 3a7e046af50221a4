namespace Conclave.Orchestration.Gateway;

/// <summary>What <see cref="GatewayStats"/> counts.</summary>
internal sealed class Counters
{
    private readonly long[] _failures = new long[Enum.GetValues<GatewayFailure>().Length];
    private long _requests;
    private long _retries;
    private long _retriesRefused;
    private int _inFlight;
    private int _waiting;

    public long Requests => Volatile.Read(ref _requests);

    public long Retries => Volatile.Read(ref _retries);

    public long RetriesRefused => Volatile.Read(ref _retriesRefused);

    public int InFlight => Volatile.Read(ref _inFlight);

    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>How many requests are in flight with this one.</summary>
    public int Enter()
    {
        Interlocked.Increment(ref _requests);
        return Interlocked.Increment(ref _inFlight);
    }

    public void Leave() => Interlocked.Decrement(ref _inFlight);

    /// <summary>True: a place to wait, to be given back with <see cref="EndWait"/>.</summary>
    public bool TryWait(int limit)
    {
        if (Interlocked.Increment(ref _waiting) <= limit) return true;
        EndWait();
        return false;
    }

    public void EndWait() => Interlocked.Decrement(ref _waiting);

    public void Retried() => Interlocked.Increment(ref _retries);

    public void RetryRefused() => Interlocked.Increment(ref _retriesRefused);

    public void Failed(GatewayFailure failure) => Interlocked.Increment(ref _failures[(int)failure]);

    public long Failures(GatewayFailure failure) => Volatile.Read(ref _failures[(int)failure]);
}

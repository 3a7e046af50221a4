namespace Conclave.Consensus;

/// <summary>
/// Counts ticks of silence. The limit is drawn anew at every reset from [n, 2n), so that peers which lost the same leader
/// rarely campaign at the same time (Raft §5.2).
/// </summary>
internal sealed class ElectionTimer
{
    private readonly int _ticks;
    private readonly Random _random;

    public ElectionTimer(int ticks, Random random)
    {
        _ticks = ticks;
        _random = random;
        Reset();
    }

    /// <summary>Ticks since the last reset.</summary>
    public int Elapsed { get; private set; }

    /// <summary>Ticks after a reset at which it fires.</summary>
    public int Limit { get; private set; }

    /// <summary>Less than the minimum election timeout has passed: nobody who hears a leader may be asked to leave it (Raft §6).</summary>
    public bool WithinMinimum => Elapsed < _ticks;

    public void Reset()
    {
        Elapsed = 0;
        Limit = _ticks + _random.Next(_ticks);
    }

    /// <summary>Counts one tick; true when the limit is reached. The caller resets.</summary>
    public bool Tick() => ++Elapsed >= Limit;
}

namespace Conclave.Consensus;

/// <summary>
/// Counts ticks of silence. The limit is drawn anew at every reset from [n, 2n), so that peers which lost the same leader
/// rarely campaign at the same time (Raft §5.2). The very first limit may be drawn from a shorter range: who has just started has no leader
/// to be patient with.
/// </summary>
internal sealed class ElectionTimer
{
    private readonly int _ticks;
    private readonly Random _random;

    public ElectionTimer(int ticks, int firstTicks, Random random)
    {
        _ticks = ticks;
        _random = random;
        Limit = Draw(firstTicks);
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
        Limit = Draw(_ticks);
    }

    /// <summary>Counts one tick; true when the limit is reached. The caller resets.</summary>
    public bool Tick() => ++Elapsed >= Limit;

    private int Draw(int ticks) => ticks + _random.Next(ticks);
}

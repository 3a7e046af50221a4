namespace Conclave.Simulation.World;

/// <summary>
/// Simulated time and what is due in it, in microseconds since the start. Two things due at the same moment happen in the order in which they
/// were planned, so a run has one order only.
/// </summary>
internal sealed class Agenda
{
    public const long Millisecond = 1_000;
    public const long Second = 1_000 * Millisecond;

    private readonly PriorityQueue<Action, (long At, long Order)> _due = new();
    private long _order;

    public long Now { get; private set; }

    public long Steps { get; private set; }

    public void At(long at, Action act) => _due.Enqueue(act, (Math.Max(at, Now), _order++));

    public void After(long delay, Action act) => At(Now + delay, act);

    /// <summary>Does what is due next. False: nothing is planned any more.</summary>
    public bool Step()
    {
        if (!_due.TryDequeue(out var act, out var due))
            return false;
        Now = due.At;
        Steps++;
        act();
        return true;
    }
}

namespace Conclave.Consensus.Raft;

/// <summary>How a leader talks to one peer.</summary>
internal enum ProgressState
{
    /// <summary>Where the logs agree is not known: one append at a time, until one is accepted.</summary>
    Probe,

    /// <summary>The logs agree: appends are sent ahead of their answers, as far as the window goes.</summary>
    Replicate,

    /// <summary>The peer needs entries that are gone; a snapshot is on its way and appends wait.</summary>
    Snapshot,
}

/// <summary>
/// What a leader knows of one peer. The log as the leader sees it:
/// <code>
///   1 ........ Match | Match+1 ........ Next-1 | Next ........ Last
///   durable there    | sent, not acknowledged  | to be sent
/// </code>
/// Match &lt; Next always. In <see cref="ProgressState.Probe"/> the middle part is a guess rather than something sent.
/// </summary>
internal sealed class Progress(PeerId peer, LogIndex next, int window)
{
    // The last index of each append in flight, oldest first: a ring.
    private readonly LogIndex[] _inFlight = new LogIndex[window];
    private int _oldest;
    private int _count;

    public PeerId Peer { get; } = peer;

    public ProgressState State { get; private set; } = ProgressState.Probe;

    /// <summary>Known to be durable there and equal to ours. Never goes back within a term.</summary>
    public LogIndex Match { get; private set; }

    public LogIndex Next { get; private set; } = next;

    /// <summary>A probe is out; the next one waits for its answer or, should that be lost, for a heartbeat's.</summary>
    public bool Paused { get; set; }

    /// <summary>Entries were sent and a heartbeat was answered, so an append (if only an empty one) must show whether they arrived.</summary>
    public bool CheckDue { get; set; }

    /// <summary>The commit index that was last sent along.</summary>
    public LogIndex CommitSent { get; set; }

    /// <summary>Ticks since the peer last said anything in this term.</summary>
    public int SilentTicks { get; set; }

    /// <summary>The newest read round that the peer confirmed.</summary>
    public ulong Round { get; set; }

    /// <summary>Where the snapshot being sent ends.</summary>
    public LogIndex PendingSnapshot { get; private set; }

    public bool WindowFull => _count == _inFlight.Length;

    public void BecomeProbe(LogIndex next)
    {
        State = ProgressState.Probe;
        Next = next;
        Paused = false;
        CheckDue = false;
        _count = 0;
    }

    public void BecomeReplicate()
    {
        State = ProgressState.Replicate;
        Next = Match.Next;
        Paused = false;
        _count = 0;
    }

    public void BecomeSnapshot(LogIndex pending)
    {
        State = ProgressState.Snapshot;
        PendingSnapshot = pending;
        Paused = false;
        CheckDue = false;
        _count = 0;
    }

    /// <summary>An append that ends at <paramref name="last"/> has left.</summary>
    public void Sent(LogIndex last)
    {
        Invariant.Require(State == ProgressState.Replicate && !WindowFull && last >= Next, "an append leaves in order and within the window");
        _inFlight[(_oldest + _count) % _inFlight.Length] = last;
        _count++;
        Next = last.Next;
    }

    /// <summary>Everything up to <paramref name="index"/> is durable there. Answers may come twice or out of order.</summary>
    public void Acknowledged(LogIndex index)
    {
        while (_count > 0 && _inFlight[_oldest] <= index)
        {
            _oldest = (_oldest + 1) % _inFlight.Length;
            _count--;
        }

        if (index > Match)
            Match = index;
        if (Next <= Match)
            Next = Match.Next;
    }

    /// <summary>The peer refused what follows <paramref name="refused"/>; our logs can agree up to <paramref name="guess"/> at most.</summary>
    public void StepBack(LogIndex refused, LogIndex guess)
    {
        var candidate = guess < refused ? guess.Next : refused;
        BecomeProbe(candidate > Match ? candidate : Match.Next);
    }
}

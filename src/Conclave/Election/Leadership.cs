namespace Conclave;

/// <summary>
/// Leadership as a value with an end. Do the work inside it, stop at <see cref="Lost"/>, pass <see cref="FencingToken"/> to whatever the work acts upon, and
/// dispose it to resign. Made by a <see cref="LeadershipSource"/>. Thread-safe.
/// </summary>
public sealed class Leadership : IAsyncDisposable
{
    private readonly LeaseTimer? _lease;
    private readonly Func<Task<ResignResult>> _resign;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenRegistration _leaseEnded;
    private readonly Lock _gate = new();
    private Task<ResignResult>? _resigning;
    private Task? _lossTold;
    private LossReason? _lossReason;

    internal Leadership(string election, Leader leader, LeaseTimer? lease, Func<Task<ResignResult>> resign)
    {
        Election = election;
        Leader = leader;
        _lease = lease;
        _resign = resign;
        if (lease is not null)
            _leaseEnded = lease.Ended.UnsafeRegister(static self => ((Leadership)self!).LoseWithLease(), this);
    }

    /// <summary>The election that was won.</summary>
    public string Election { get; }

    /// <summary>What others see of it.</summary>
    public Leader Leader { get; }

    /// <summary>Higher than that of every earlier leadership of this election.</summary>
    public FencingToken FencingToken => Leader.FencingToken;

    /// <summary>
    /// Cancelled once, when this leadership is over for whatever reason; with <see cref="Guarantee.Exclusive"/> before anybody else can lead.
    /// Callbacks run on the thread pool and hold up nobody.
    /// </summary>
    public CancellationToken Lost => _lost.Token;

    /// <summary>
    /// Reads the clock at this moment, so it is right even where <see cref="Lost"/> is late: after the process was stopped or the machine slept, until the timers
    /// have caught up. Ask before each act.
    /// </summary>
    public bool IsHeld => (_lease is null || _lease.IsHeld) && !_lost.IsCancellationRequested;

    /// <summary>
    /// When it ends unless it is renewed before, on the clock of <see cref="BootTime"/>; null with a backend that has no lease. Moves on with each renewal.
    /// </summary>
    public Instant? EndsAt => _lease?.Clock.EndsAt;

    /// <summary>Why it is over; null while it is held.</summary>
    public LossReason? LossReason
    {
        get
        {
            lock (_gate)
                return _lossReason;
        }
    }

    /// <summary>It was given up, and the backend was not told for sure yet.</summary>
    internal bool IsResigning
    {
        get
        {
            lock (_gate)
                return _lossReason is Conclave.LossReason.Resigned && _resigning is not { IsCompleted: true };
        }
    }

    /// <exception cref="LeadershipLostException">It is over.</exception>
    public void ThrowIfLost()
    {
        if (!IsHeld)
            throw new LeadershipLostException(Election, FencingToken, LossReason);
    }

    /// <summary>
    /// Gives leadership up: <see cref="Lost"/> fires, then the backend is told, so the next leader comes within a round trip and not a TTL.
    /// May be called again and after a loss; cancelling stops the waiting, not the resigning.
    /// </summary>
    public Task<ResignResult> ResignAsync(CancellationToken cancellation)
    {
        Lose(Conclave.LossReason.Resigned);
        Task<ResignResult> resigning;
        lock (_gate)
            resigning = _resigning ??= _resign();
        return resigning.WaitAsync(cancellation);
    }

    /// <summary>Resigns.</summary>
    public async ValueTask DisposeAsync() => await ResignAsync(CancellationToken.None).ConfigureAwait(false);

    internal bool Lose(LossReason reason)
    {
        lock (_gate)
        {
            if (_lossReason is not null)
                return false;
            _lossReason = reason;

            // CancelAsync marks the token here and now, and runs the user's callbacks elsewhere: one that blocks must not delay
            // the loss of the next leadership on the same lease. What a callback throws is the user's, and stays on this task.
            _lossTold = _lost.CancelAsync();
        }

        _leaseEnded.Unregister();
        return true;
    }

    private void LoseWithLease() =>
        Lose(_lease!.Clock.IsRefused ? Conclave.LossReason.LeaseRefused : Conclave.LossReason.LeaseEnded);
}

namespace Conclave.Testing;

/// <summary>
/// An election that the test decides, with one candidate: the code under test. It has a lease on a fake clock, renewed like a real one, so that losing it, standing still past it and answers that never came
/// look to the candidate as they do in production. Thread-safe.
/// </summary>
/// <remarks>
/// Leases run on <see cref="Time"/>: nothing of them happens until the test advances it. In a host: <see cref="FakeElectionBackend.UseFake"/>.
/// </remarks>
public sealed class FakeElection : ILeaderElection
{
    private readonly Lock _gate = new();
    private readonly LeaderFeed _feed = new();
    private readonly LeaseOptions _lease;
    private TaskCompletionSource<Leadership>? _campaign;
    private TaskCompletionSource<Leadership>? _elect;
    private FakeTenure? _tenure;
    private long _lastToken;
    private int _repliesToLose;
    private bool _disposed;

    /// <param name="name">The election's.</param>
    /// <param name="time">The clock of lease and renewals. Default: one of its own.</param>
    /// <param name="lease">Default: the default lease, 5 s.</param>
    public FakeElection(string name = "election", FakeTime? time = null, LeaseOptions? lease = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        _lease = lease ?? new LeaseOptions();
        _lease.Validate();
        (Name, Time) = (name, time ?? new FakeTime());
    }

    /// <summary>What the successor of a paused holder publishes.</summary>
    public const string Successor = "the successor";

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public Guarantee Guarantee => Guarantee.Exclusive;

    /// <summary>The clock of lease and renewals.</summary>
    public FakeTime Time { get; }

    /// <summary>What the candidate publishes. Default <c>candidate</c>.</summary>
    public string Value { get; init; } = "candidate";

    /// <summary>Whether the candidate is waiting to be elected.</summary>
    public bool IsCampaigning
    {
        get
        {
            lock (_gate)
                return _campaign is not null;
        }
    }

    /// <summary>
    /// Elects the candidate: the campaign under way, or else the next one. Whoever led before no longer does. Completes when the candidate has its leadership.
    /// </summary>
    /// <exception cref="InvalidOperationException">The candidate leads already.</exception>
    public Task<Leadership> Elect()
    {
        lock (_gate)
        {
            if (_tenure is { IsHeld: true })
                throw new InvalidOperationException($"The candidate leads {Name} already.");
            var elect = _elect ??= NewSource();
            if (_campaign is not null)
                GrantCampaign();
            return elect.Task;
        }
    }

    /// <summary>Elects somebody else. The candidate, if it leads, loses first, as its key was removed.</summary>
    public Leader Elect(string other)
    {
        ArgumentNullException.ThrowIfNull(other);
        Lose();
        lock (_gate)
            return Seat(other);
    }

    /// <summary>Takes the leadership from the candidate; false when it had none. Nobody leads then.</summary>
    public bool Lose(LossReason reason = LossReason.Removed)
    {
        FakeTenure? tenure;
        lock (_gate)
            tenure = _tenure;
        if (tenure is null || !tenure.Lose(reason))
            return false;
        lock (_gate)
            Vacate(tenure);
        return true;
    }

    /// <summary>
    /// The candidate's process stands still for so long, as after SIGSTOP or in a suspended machine: the clock goes on, its timers do not, and no renewal is sent. When the lease ended meanwhile somebody else leads,
    /// which is returned: <see cref="Leadership.IsHeld"/> is false from now on, while <see cref="Leadership.Lost"/> fires only when timers run again (<see cref="FakeTime.Advance"/>) or somebody asks.
    /// Null when the lease outlasted the pause.
    /// </summary>
    /// <exception cref="InvalidOperationException">The candidate does not lead.</exception>
    public Leader? PauseHolder(TimeSpan by)
    {
        FakeTenure tenure;
        lock (_gate)
            tenure = _tenure is { IsHeld: true } held ? held : throw new InvalidOperationException($"The candidate does not lead {Name}.");
        Time.Sleep(by);
        if (!tenure.IsForgotten)
            return null;
        lock (_gate)
            return Seat(Successor);
    }

    /// <summary>
    /// Loses the next answers on their way to the candidate, though what was asked is done. A renewal is then unknown and the lease runs on; a resignation is unknown and leadership ends for others with the lease;
    /// <see cref="GetLeaderAsync"/> and <see cref="TryCampaignAsync"/> end as unavailable. A campaign asks again until it is answered, so it loses none.
    /// </summary>
    public void LoseReply(int count = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        lock (_gate)
            _repliesToLose += count;
    }

    /// <inheritdoc/>
    public async Task<Leadership> CampaignAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        TaskCompletionSource<Leadership> campaign;
        lock (_gate)
        {
            RequireFree();
            _campaign = campaign = NewSource();
            if (_elect is not null)
                GrantCampaign();
        }

        try
        {
            return await campaign.Task.WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            await WithdrawAsync(campaign).ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public Task<Leadership?> TryCampaignAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        lock (_gate)
        {
            RequireFree();
            if (TakeLostReply())
                throw new ElectionUnavailableException($"Election {Name}: the answer was lost, as the test wished.");
            return Task.FromResult(_feed.Leader is null ? Grant() : null);
        }
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<Leader?> ObserveAsync(CancellationToken cancellation) => _feed.ObserveAsync(cancellation);

    /// <inheritdoc/>
    public Task<Leader?> GetLeaderAsync(CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        lock (_gate)
        {
            return TakeLostReply()
                ? Task.FromException<Leader?>(new ElectionUnavailableException($"Election {Name}: the answer was lost, as the test wished."))
                : Task.FromResult(_feed.Leader);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        TaskCompletionSource<Leadership>? campaign;
        FakeTenure? tenure;
        lock (_gate)
        {
            _disposed = true;
            (campaign, tenure) = (_campaign, _tenure);
            _campaign = null;
        }

        campaign?.TrySetCanceled(CancellationToken.None);
        if (tenure is not null)
            await tenure.Leadership.DisposeAsync().ConfigureAwait(false);
    }

    internal bool TakeLostReply()
    {
        lock (_gate)
        {
            if (_repliesToLose == 0)
                return false;
            _repliesToLose--;
            return true;
        }
    }

    /// <summary>Nobody leads, if this tenure was the last one known.</summary>
    internal void Vacate(FakeTenure tenure)
    {
        lock (_gate)
        {
            if (_feed.Leader == tenure.Leadership.Leader)
                _feed.Tell(null);
        }
    }

    private static TaskCompletionSource<Leadership> NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void RequireFree()
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_campaign is not null)
            throw new InvalidOperationException($"A campaign in {Name} is under way already.");
        if (_tenure is { IsHeld: true })
            throw new InvalidOperationException($"{Name} is led by this candidate already.");
    }

    private async Task WithdrawAsync(TaskCompletionSource<Leadership> campaign)
    {
        lock (_gate)
        {
            if (_campaign == campaign)
                _campaign = null;
        }

        // Elected in the moment of its withdrawal: nobody else will resign for it.
        if (campaign.Task.IsCompletedSuccessfully)
            await (await campaign.Task.ConfigureAwait(false)).DisposeAsync().ConfigureAwait(false);
    }

    private void GrantCampaign()
    {
        var leadership = Grant();
        _campaign!.SetResult(leadership);
        _elect!.SetResult(leadership);
        (_campaign, _elect) = (null, null);
    }

    private Leadership Grant()
    {
        _tenure = new FakeTenure(this, Seat(Value), _lease);
        return _tenure.Leadership;
    }

    private Leader Seat(string value)
    {
        var leader = new Leader(value, new FencingToken(++_lastToken));
        _feed.Tell(leader);
        return leader;
    }
}

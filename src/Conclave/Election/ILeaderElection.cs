namespace Conclave;

/// <summary>
/// One candidate's view of one election: at most one of all candidates of the same name leads at a time.
/// Thread-safe, but a candidate takes part once: a second campaign while one runs or its <see cref="Leadership"/> is held is refused with
/// <see cref="InvalidOperationException"/>. Disposing withdraws from a campaign and resigns from a leadership.
/// </summary>
public interface ILeaderElection : IAsyncDisposable
{
    /// <summary>What the candidates compete for, e.g. <c>billing/dialer</c>. The same for all of them.</summary>
    string Name { get; }

    /// <summary>What "at most one" is worth with this backend.</summary>
    Guarantee Guarantee { get; }

    /// <summary>
    /// Waits until elected, however long that takes: an unreachable backend is waited out too. Cancelling withdraws the candidacy, so that nobody
    /// is elected who no longer waits.
    /// </summary>
    /// <exception cref="OperationCanceledException">Withdrawn.</exception>
    /// <exception cref="ElectionException">The backend refused for a reason that waiting cannot cure.</exception>
    Task<Leadership> CampaignAsync(CancellationToken cancellation);

    /// <summary>Leads if nobody else does; null when somebody does. Does not wait for them and leaves no candidacy behind.</summary>
    /// <exception cref="ElectionUnavailableException">The backend did not answer: whether anybody leads is unknown. Nobody leads on our behalf.</exception>
    Task<Leadership?> TryCampaignAsync(CancellationToken cancellation);

    /// <summary>
    /// The leader now (null: nobody), then every change in order, without gap or repetition, also across reconnects: a change of leader, of what the leader
    /// published, and leadership becoming vacant. Ends only by cancellation.
    /// </summary>
    /// <exception cref="ElectionHistoryLostException">We were away for so long that the backend has forgotten changes; a new observation starts afresh.</exception>
    IAsyncEnumerable<Leader?> ObserveAsync(CancellationToken cancellation);

    /// <summary>The leader now as a majority of the backend knows it, null when nobody leads. May be history by the time it is read.</summary>
    /// <exception cref="ElectionUnavailableException">The backend did not answer.</exception>
    Task<Leader?> GetLeaderAsync(CancellationToken cancellation);
}

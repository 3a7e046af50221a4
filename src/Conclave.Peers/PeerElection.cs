using System.Runtime.CompilerServices;
using System.Text;

namespace Conclave.Peers;

/// <summary>
/// One candidate of this instance in one election of its <see cref="PeerGroup"/>: who stood first leads. The token is the revision of the group's state at which the leader's candidacy began. Made by
/// <see cref="PeerGroup.Election(string, string?)"/>. Thread-safe.
/// </summary>
public sealed class PeerElection : ILeaderElection
{
    /// <summary>In UTF-8 bytes.</summary>
    public const int NameBytesMax = 4096;

    /// <summary>Every member keeps the values of all candidates in memory.</summary>
    public const int ValueBytesMax = 64 * 1024;

    private readonly PeerGroup _group;
    private readonly PeerSession _session;
    private readonly ElectionBoard _board;
    private readonly string _value;
    private readonly Participation _part;

    internal PeerElection(PeerGroup group, PeerSession session, ElectionBoard board, string name, string value)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(value);
        if (name.Contains('\0', StringComparison.Ordinal) || Encoding.UTF8.GetByteCount(name) > NameBytesMax)
            throw new ArgumentException($"An election's name has at most {NameBytesMax} bytes and no zero character.", nameof(name));
        if (Encoding.UTF8.GetByteCount(value) > ValueBytesMax)
            throw new ArgumentException($"An election's value has at most {ValueBytesMax} bytes.", nameof(value));
        (_group, _session, _board, Name, _value) = (group, session, board, name, value);
        _part = new Participation(name, "Make a second election object for a second candidate.");
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    /// <remarks><see cref="Guarantee.BestEffort"/> with <see cref="PeerGroupOptions.FastPreVote"/>, which takes a refused connection for a death; tokens grow all the same.</remarks>
    public Guarantee Guarantee => _group.Options.FastPreVote ? Guarantee.BestEffort : Guarantee.Exclusive;

    /// <inheritdoc/>
    public Task<Leadership> CampaignAsync(CancellationToken cancellation) => _part.CampaignAsync(CampaignUntilElectedAsync, cancellation);

    /// <inheritdoc/>
    public Task<Leadership?> TryCampaignAsync(CancellationToken cancellation) => _part.CampaignAsync(
        withdrawn => WithinTryTimeoutAsync(
            async over =>
            {
                var lease = await UntilAnsweredAsync(() => _session.EnterLeaseAsync(over), over).ConfigureAwait(false);
                return await StandAsync(lease, (candidacy, ended) => candidacy.TryEnterAsync(ended), over).ConfigureAwait(false);
            },
            withdrawn),
        cancellation);

    /// <inheritdoc/>
    public Task<Leader?> GetLeaderAsync(CancellationToken cancellation) => WithinTryTimeoutAsync(
        over => UntilAnsweredAsync(() => _group.ReadAsync(applier => ElectionKeys.LeaderOf(Name, applier.Store), over), over), cancellation);

    /// <inheritdoc/>
    public async IAsyncEnumerable<Leader?> ObserveAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        await UntilAnsweredAsync(() => _group.ReadAsync(_ => true, cancellation), cancellation).ConfigureAwait(false);

        // Every change comes through the log, so none is missed from here on, also while this member is cut off: it comes later then.
        var change = _board.Observe(Name);
        try
        {
            while (true)
            {
                yield return change.Leader;
                change = await change.Next.WaitAsync(cancellation).ConfigureAwait(false)
                    ?? throw new ElectionHistoryLostException($"Election {Name}: this member was away for more than {_group.Options.HistoryMax} changes (HistoryMax). Observe again to start from the leader of now.");
            }
        }
        finally
        {
            _board.Leave(Name);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _part.DisposeAsync();

    private async Task<Leadership> CampaignUntilElectedAsync(CancellationToken withdrawn)
    {
        while (true)
        {
            var lease = await UntilAnsweredAsync(() => _session.EnterLeaseAsync(withdrawn), withdrawn).ConfigureAwait(false);

            // Not elected and not withdrawn: the lease ended or the candidacy was removed while we waited. We go to the end of the line.
            if (await StandAsync(lease, (candidacy, over) => candidacy.EnterAndWaitAsync(over), withdrawn).ConfigureAwait(false) is { } leadership)
                return leadership;
        }
    }

    /// <summary>One candidacy under one lease. Null when it came to nothing; whatever happens, a candidacy that did not win is withdrawn.</summary>
    private async Task<Leadership?> StandAsync(PeerLease lease, Func<Candidacy, CancellationToken, Task<bool>> stand, CancellationToken withdrawn)
    {
        var candidacy = new Candidacy(_group, _board, lease, Name, _value);
        var elected = false;
        using var over = CancellationTokenSource.CreateLinkedTokenSource(withdrawn, lease.Timer.Ended);
        try
        {
            elected = await stand(candidacy, over.Token).ConfigureAwait(false) && lease.Timer.IsHeld;
            return elected ? Lead(candidacy) : null;
        }
        catch (OperationCanceledException) when (!withdrawn.IsCancellationRequested)
        {
            return null; // the lease ended
        }
        finally
        {
            if (!elected)
                await candidacy.WithdrawAsync().ConfigureAwait(false);
        }
    }

    private Leadership Lead(Candidacy candidacy)
    {
        var source = new LeadershipSource(Name, candidacy.Leader, candidacy.Lease.Timer, candidacy.WithdrawAsync);
        _ = WatchOverAsync(candidacy, source); // ends with the candidacy, however that ends
        return source.Leadership;
    }

    private static async Task WatchOverAsync(Candidacy candidacy, LeadershipSource source)
    {
        await candidacy.Gone.ConfigureAwait(false);
        source.Lose(LossReason.Removed);
    }

    private async Task<T> WithinTryTimeoutAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(_group.Options.TryTimeout, PeerGroup.Time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        try
        {
            return await ask(over.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException slow) when (!cancellation.IsCancellationRequested)
        {
            throw GroupFault.ToElection(_group, Name, _group.Options.TryTimeout, slow);
        }
    }

    private static async Task<T> UntilAnsweredAsync<T>(Func<Task<T>> ask, CancellationToken cancellation)
    {
        var backoff = PeerGroup.NewBackoff();
        while (true)
        {
            try
            {
                return await ask().ConfigureAwait(false);
            }
            catch (NoAnswerException)
            {
                await backoff.PauseAsync(cancellation).ConfigureAwait(false);
            }
        }
    }
}

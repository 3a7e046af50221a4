using System.Runtime.CompilerServices;
using Conclave.Wire.Etcd;

namespace Conclave.Etcd;

/// <summary>
/// An election in etcd v3, a real one or <c>conclave serve</c>, by etcd's own recipe: candidates of other languages (Go's <c>concurrency</c> package,
/// <c>etcdctl elect</c>) stand in the same election. The token is the create revision of the leader's key. Thread-safe.
/// </summary>
/// <remarks>
/// As in etcd's recipe, everything under <c>NAME/</c> counts as a candidate, so no election's name may be another's followed by a slash.
/// Every candidate of one session and name has the same key; a program that wants two candidates of one election needs two sessions.
/// </remarks>
public sealed class EtcdElection : ILeaderElection
{
    /// <summary>In UTF-8 bytes. etcd sets no limit of its own; this keeps a request far below its 1.5 MiB.</summary>
    public const int NameBytesMax = 4096;

    private readonly EtcdSession _session;
    private readonly ElectionKeys _keys;
    private readonly EtcdElectionOptions _options;
    private readonly Participation _participation;

    /// <param name="session">May carry many elections; not disposed with this one.</param>
    /// <param name="name">The election's name, in etcd the prefix of its keys.</param>
    /// <param name="options">Checked here.</param>
    public EtcdElection(EtcdSession session, string name, EtcdElectionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(session);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        if (System.Text.Encoding.UTF8.GetByteCount(name) > NameBytesMax)
            throw new ArgumentException($"An election's name has at most {NameBytesMax} bytes.", nameof(name));
        _session = session;
        _options = options ?? new EtcdElectionOptions();
        ArgumentNullException.ThrowIfNull(_options.Value, nameof(options));
        Name = name;
        _keys = new ElectionKeys(name);
        _participation = new Participation(name, "Use a second session for a second candidate.");
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public Guarantee Guarantee => Guarantee.Exclusive;

    /// <inheritdoc/>
    public Task<Leadership> CampaignAsync(CancellationToken cancellation) => TakePartAsync(CampaignUntilElectedAsync, cancellation);

    /// <inheritdoc/>
    public Task<Leadership?> TryCampaignAsync(CancellationToken cancellation) => TakePartAsync(TryOnceAsync, cancellation);

    /// <inheritdoc/>
    public async Task<Leader?> GetLeaderAsync(CancellationToken cancellation)
    {
        try
        {
            var first = await _session.Client.RangeAsync(_keys.First(), cancellation).ConfigureAwait(false);
            return first.Kvs.Count == 0 ? null : ElectionKeys.ToLeader(first.Kvs[0]);
        }
        catch (EtcdException fault)
        {
            throw EtcdFault.ToElection(Name, fault);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<Leader?> ObserveAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var all = await UntilAnsweredAsync(() => _session.Client.RangeAsync(_keys.All(), cancellation), cancellation).ConfigureAwait(false);
        var candidates = new CandidateList(all.Kvs);
        var revision = all.Header.Revision;
        var told = candidates.Leader;
        yield return told;

        var backoff = _session.NewBackoff();
        while (true)
        {
            var request = new WatchCreateRequest { Key = _keys.Prefix, RangeEnd = _keys.PrefixEnd, StartRevision = revision + 1 };
            var watch = _session.Client.WatchAsync(request, cancellation).GetAsyncEnumerator(cancellation);
            await using (watch.ConfigureAwait(false))
            {
                while (await NextAsync(watch).ConfigureAwait(false) is { } response)
                {
                    backoff.Reset();

                    // What one transaction did is one change: a leader that is gone and followed in the same revision leaves no vacancy.
                    foreach (var change in response.Events.GroupBy(change => change.Kv.ModRevision))
                    {
                        foreach (var part in change)
                            candidates.Apply(part);
                        revision = change.Key;
                        if (candidates.Leader == told)
                            continue;
                        told = candidates.Leader;
                        yield return told;
                    }
                }
            }

            await backoff.PauseAsync(cancellation).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _participation.DisposeAsync();

    /// <summary>A campaign of either kind, with faults in the words of elections.</summary>
    private Task<T> TakePartAsync<T>(Func<CancellationToken, Task<T>> campaign, CancellationToken cancellation)
        where T : class? => _participation.CampaignAsync(async withdrawn =>
        {
            try
            {
                return await campaign(withdrawn).ConfigureAwait(false);
            }
            catch (Exception fault) when (fault is EtcdException or TimeoutException)
            {
                throw EtcdFault.ToElection(Name, fault);
            }
        }, cancellation);

    private async Task<Leadership> CampaignUntilElectedAsync(CancellationToken withdrawn)
    {
        while (true)
        {
            var lease = await UntilAnsweredAsync(() => _session.EnterLeaseAsync(withdrawn), withdrawn).ConfigureAwait(false);
            var leadership = await StandAsync(lease, async (candidacy, over) =>
            {
                await candidacy.EnterAsync(over).ConfigureAwait(false);
                return await candidacy.WaitForTurnAsync(over).ConfigureAwait(false);
            }, withdrawn).ConfigureAwait(false);

            // Not elected and not withdrawn: the lease ended or the key was removed while we waited. We go to the end of the line.
            if (leadership is not null)
                return leadership;
        }
    }

    private async Task<Leadership?> TryOnceAsync(CancellationToken withdrawn)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(withdrawn);
        patience.CancelAfter(_session.Options.TryTimeout);
        try
        {
            var lease = await UntilAnsweredAsync(() => _session.EnterLeaseAsync(patience.Token), patience.Token).ConfigureAwait(false);
            return await StandAsync(lease, (candidacy, over) => candidacy.TryEnterAsync(over), patience.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException slow) when (!withdrawn.IsCancellationRequested)
        {
            throw new ElectionUnavailableException(
                $"Election {Name}: etcd did not answer within {_session.Options.TryTimeout.TotalSeconds:0.#} s. Check the endpoints.", slow);
        }
    }

    /// <summary>One candidacy under one lease. Null when it came to nothing; whatever happens, a candidacy that did not win is withdrawn.</summary>
    private async Task<Leadership?> StandAsync(EtcdLease lease, Func<Candidacy, CancellationToken, Task<bool>> stand, CancellationToken withdrawn)
    {
        var candidacy = new Candidacy(_session, lease, _keys, _options.Value);
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
        catch (Exception fault) when (EtcdFault.IsLeaseGone(fault))
        {
            lease.Timer.Apply(new Renewal.Refused());
            return null;
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
        candidacy.WatchOver(source);
        return source.Leadership;
    }

    private async Task<T> UntilAnsweredAsync<T>(Func<Task<T>> ask, CancellationToken cancellation)
    {
        var backoff = _session.NewBackoff();
        while (true)
        {
            try
            {
                return await ask().ConfigureAwait(false);
            }
            catch (Exception fault) when (EtcdFault.IsSilence(fault))
            {
                await backoff.PauseAsync(cancellation).ConfigureAwait(false);
            }
            catch (EtcdException fault)
            {
                throw EtcdFault.ToElection(Name, fault);
            }
        }
    }

    /// <summary>Null when the stream broke and the watch must be opened again where it stopped.</summary>
    private async Task<WatchResponse?> NextAsync(IAsyncEnumerator<WatchResponse> watch)
    {
        try
        {
            return await watch.MoveNextAsync().ConfigureAwait(false) ? watch.Current : null;
        }
        catch (EtcdCompactedException compacted)
        {
            throw new ElectionHistoryLostException(
                $"Election {Name}: changes before revision {compacted.CompactRevision} are compacted. Observe again to start from the leader of now.", compacted);
        }
        catch (Exception fault) when (EtcdFault.IsSilence(fault))
        {
            return null;
        }
        catch (EtcdException fault)
        {
            throw EtcdFault.ToElection(Name, fault);
        }
    }
}

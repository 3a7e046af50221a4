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
    private readonly CancellationTokenSource _withdrawn = new();
    private readonly Lock _gate = new();
    private Task _campaign = Task.CompletedTask;
    private (Leadership Leadership, Task Released)? _held;
    private bool _disposed;

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
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public Guarantee Guarantee => Guarantee.Exclusive;

    /// <inheritdoc/>
    public Task<Leadership> CampaignAsync(CancellationToken cancellation) => TakePartAsync(CampaignOnceAsync, cancellation);

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

        var backoff = new Backoff(_session.Options, _session.Time);
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
    public async ValueTask DisposeAsync()
    {
        Task campaign;
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            campaign = _campaign;
        }

        await _withdrawn.CancelAsync().ConfigureAwait(false);
        await campaign.ConfigureAwait(false);
        if (_held is { } held)
            await held.Leadership.DisposeAsync().ConfigureAwait(false);
        _withdrawn.Dispose();
    }

    /// <summary>The frame of a campaign of either kind: one at a time, ended by disposal, faults in the words of elections.</summary>
    private async Task<T> TakePartAsync<T>(Func<CancellationToken, Task<T>> campaign, CancellationToken cancellation)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        CancellationTokenSource withdrawn;
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_campaign.IsCompleted)
                throw new InvalidOperationException($"A campaign in {Name} is under way already. Use a second session for a second candidate.");
            if (_held is { } held && StillStands(held))
                throw new InvalidOperationException($"{Name} is led by this candidate already. Resign first, or use a second session for a second candidate.");
            _campaign = ended.Task;
            withdrawn = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _withdrawn.Token);
        }

        using (withdrawn)
        {
            try
            {
                return await campaign(withdrawn.Token).ConfigureAwait(false);
            }
            catch (Exception fault) when (fault is EtcdException or TimeoutException)
            {
                throw EtcdFault.ToElection(Name, fault);
            }
            finally
            {
                ended.SetResult();
            }
        }
    }

    private async Task<Leadership> CampaignOnceAsync(CancellationToken withdrawn)
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
        var released = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var source = new LeadershipSource(Name, candidacy.Leader, candidacy.Lease.Timer, async () =>
        {
            try
            {
                return await candidacy.WithdrawAsync().ConfigureAwait(false);
            }
            finally
            {
                released.SetResult();
            }
        });
        candidacy.WatchOver(source);
        lock (_gate)
            _held = (source.Leadership, released.Task);
        return source.Leadership;
    }

    // A resignation under way will delete the key that a campaign on the same lease would find and take for its own. A leadership that was
    // lost in any other way has no key left, or one of a lease that no new campaign uses.
    private static bool StillStands((Leadership Leadership, Task Released) held) =>
        held.Leadership.IsHeld || (held.Leadership.LossReason is LossReason.Resigned && !held.Released.IsCompleted);

    private async Task<T> UntilAnsweredAsync<T>(Func<Task<T>> ask, CancellationToken cancellation)
    {
        var backoff = new Backoff(_session.Options, _session.Time);
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

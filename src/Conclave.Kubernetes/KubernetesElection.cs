using System.Runtime.CompilerServices;
using Conclave.Kubernetes.Wire;

namespace Conclave.Kubernetes;

/// <summary>
/// An election in a Lease of <c>coordination.k8s.io/v1</c>, by the fields and rules of client-go's leader election, so programs that use that stand in the same election and <c>kubectl get lease</c> reads right.
/// Token, value and the election's name are annotations beside them. Thread-safe.
/// </summary>
public sealed class KubernetesElection : ILeaderElection
{
    /// <summary>A server takes 256 KiB of annotations.</summary>
    public const int ValueBytesMax = 64 * 1024;

    /// <summary>Of <see cref="KubernetesElectionOptions.Identity"/>, in characters.</summary>
    public const int IdentityLengthMax = 512;

    private readonly KubernetesClient _client;
    private readonly KubernetesElectionOptions _options;
    private readonly string _lease;
    private readonly Participation _participation;
    private int _left;
    private readonly Lock _gate = new();
    private LeaseSight? _sight;

    /// <param name="client">May carry many elections; not disposed with this one.</param>
    /// <param name="name">The election's name; with dots for slashes the Lease's, unless that is chosen in <paramref name="options"/>.</param>
    /// <param name="options">Checked here.</param>
    /// <exception cref="ArgumentException">Kubernetes cannot store such a name, TTL or value; the message says why and what to do.</exception>
    public KubernetesElection(KubernetesClient client, string name, KubernetesElectionOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        _client = client;
        _options = options ?? new KubernetesElectionOptions();
        _options.Validate();
        _lease = LeaseName.Of(name, _options.LeaseName);
        Name = name;
        _participation = new Participation(name, "Make a second election object for a second candidate.");
        client.Enter();
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public Guarantee Guarantee => Guarantee.Exclusive;

    /// <inheritdoc/>
    public async Task<Leadership> CampaignAsync(CancellationToken cancellation) =>
        (await TakePartAsync(withdrawn => StandAsync((candidacy, over) => candidacy.WaitForTurnAsync(over), withdrawn), cancellation).ConfigureAwait(false))!;

    /// <inheritdoc/>
    /// <remarks>A holder that died is known for dead only after a whole TTL of looking: a first try may find it in place, and a later one of the same object takes over.</remarks>
    public Task<Leadership?> TryCampaignAsync(CancellationToken cancellation) => TakePartAsync(
        withdrawn => WithinTryTimeoutAsync(over => StandAsync((candidacy, ended) => candidacy.TryTakeAsync(See, ended), over), withdrawn),
        cancellation);

    /// <inheritdoc/>
    /// <remarks>A holder that died is told until this object has seen, over a whole TTL, that nobody renews.</remarks>
    public async Task<Leader?> GetLeaderAsync(CancellationToken cancellation)
    {
        try
        {
            return await WithinTryTimeoutAsync(ReadLeaderAsync, cancellation).ConfigureAwait(false);
        }
        catch (Exception fault) when (KubernetesFault.IsFault(fault))
        {
            throw ToElection(fault);
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// An API server remembers changes for some minutes, and none from before it was started. What happened while we could not watch is told in full if it is remembered, and bridged if it was nothing
    /// but renewals; else the observation ends with <see cref="ElectionHistoryLostException"/>. A holder that is no candidate of ours is told by its identity, with <see cref="FencingToken.None"/>.
    /// </remarks>
    public async IAsyncEnumerable<Leader?> ObserveAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var succession = new Succession();
        var feed = new LeaseFeed(_client.Api, _lease, _client.Options, _client.Time, cancellation);
        await using (feed.ConfigureAwait(false))
        {
            var next = feed.NextAsync();
            var lookAfter = Instant.Now(_client.Time);
            while (true)
            {
                Leader? leader;
                Instant? until = succession.EndsAt is { } end ? end > lookAfter ? end : lookAfter : null;
                if (await ArrivedAsync(feed, until, cancellation).ConfigureAwait(false))
                {
                    var sighting = await next.ConfigureAwait(false);
                    LeaseFormat.Require(sighting.Lease, Name, _client.Api.Namespace);
                    var isChange = succession.TryTake(sighting, Instant.Now(_client.Time), out leader);
                    if (succession.IsHistoryLost)
                        throw new ElectionHistoryLostException($"Election {Name}: leaders may have come and gone unseen. Observe again to start from the leader of now.");
                    next = feed.NextAsync();
                    if (isChange)
                        yield return leader;
                    continue;
                }

                // The holder's time has passed. It may be us who hear nothing, so nobody is called dead without a fresh look.
                if (await TryLookAsync(cancellation).ConfigureAwait(false) is { } fresh && succession.TryExpire(fresh, Instant.Now(_client.Time), out leader))
                    yield return leader;
                lookAfter = Instant.Now(_client.Time) + _client.Options.PollInterval;
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _participation.DisposeAsync().ConfigureAwait(false);
        if (Interlocked.Exchange(ref _left, 1) == 0)
            _client.Leave();
    }

    /// <summary>A campaign of either kind, with faults in the words of elections.</summary>
    private Task<T> TakePartAsync<T>(Func<CancellationToken, Task<T>> campaign, CancellationToken cancellation)
        where T : class? => _participation.CampaignAsync(async withdrawn =>
        {
            try
            {
                return await campaign(withdrawn).ConfigureAwait(false);
            }
            catch (Exception fault) when (KubernetesFault.IsFault(fault))
            {
                withdrawn.ThrowIfCancellationRequested();
                throw ToElection(fault);
            }
        }, cancellation);

    /// <summary>One candidacy. Whatever happens, one that did not win is withdrawn.</summary>
    private async Task<Leadership?> StandAsync(Func<Candidacy, CancellationToken, Task<bool>> stand, CancellationToken withdrawn)
    {
        var candidacy = new Candidacy(_client, Name, _lease, _options);
        var elected = false;
        try
        {
            elected = await stand(candidacy, withdrawn).ConfigureAwait(false);
            return elected ? Lead(candidacy) : null;
        }
        finally
        {
            if (!elected)
                await candidacy.WithdrawAsync().ConfigureAwait(false);
        }
    }

    private Leadership Lead(Candidacy candidacy)
    {
        var source = new LeadershipSource(Name, candidacy.Leader, candidacy.Timer, candidacy.WithdrawAsync);
        candidacy.Hold(source);
        return source.Leadership;
    }

    private async Task<Leader?> ReadLeaderAsync(CancellationToken cancellation)
    {
        var backoff = _client.NewBackoff();
        while (true)
        {
            try
            {
                var lease = await _client.Api.ReadAsync(_lease, cancellation).ConfigureAwait(false);
                LeaseFormat.Require(lease, Name, _client.Api.Namespace);
                return See(lease).IsFreeAt(Instant.Now(_client.Time)) ? null : LeaseRecord.ToLeader(lease);
            }
            catch (NoAnswerException)
            {
                await backoff.PauseAsync(cancellation).ConfigureAwait(false);
            }
        }
    }

    private LeaseSight See(LeaseObject? lease)
    {
        lock (_gate)
            return _sight = LeaseSight.After(_sight, lease, Instant.Now(_client.Time));
    }

    private async Task<bool> ArrivedAsync(LeaseFeed feed, Instant? until, CancellationToken cancellation)
    {
        try
        {
            return await feed.ArrivedAsync(until, cancellation).ConfigureAwait(false);
        }
        catch (RefusedException fault)
        {
            throw ToElection(fault);
        }
    }

    private async Task<LeaseObject?> TryLookAsync(CancellationToken cancellation)
    {
        try
        {
            return await _client.Api.ReadAsync(_lease, cancellation).ConfigureAwait(false);
        }
        catch (NoAnswerException)
        {
            return null;
        }
        catch (RefusedException fault)
        {
            throw ToElection(fault);
        }
    }

    private async Task<T> WithinTryTimeoutAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellation)
    {
        using var patience = new CancellationTokenSource(_client.Options.TryTimeout, _client.Time);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellation);
        try
        {
            return await ask(over.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException slow) when (!cancellation.IsCancellationRequested)
        {
            throw new ElectionUnavailableException(
                $"Election {Name}: the API server did not answer within {_client.Options.TryTimeout.TotalSeconds:0.#} s ({_client.Api.LastSilence ?? "it was slow"}). Check {nameof(KubernetesClientOptions)}.{nameof(KubernetesClientOptions.Server)}.", slow);
        }
    }

    private ElectionException ToElection(Exception fault) => KubernetesFault.ToElection(Name, _lease, _client.Api.Namespace, fault);
}

using Conclave.Contract;
using static Conclave.Contract.Awaited;

namespace Conclave.Kubernetes.Tests;

/// <summary>What every test of an election needs: candidates at one server and a look at the Lease behind our back.</summary>
internal sealed class ElectionBench(KubernetesServer server, string election) : IAsyncDisposable
{
    // Long enough that a busy machine costs nobody a lease by accident; tests that wait for an end take the short one.
    public static readonly TimeSpan Long = TimeSpan.FromSeconds(20);
    public static readonly TimeSpan Short = TimeSpan.FromSeconds(2);

    private readonly List<IAsyncDisposable> _owned = [];
    private int _campaigns;

    public string Election => election;

    public string Lease => election.Replace('/', '.');

    public KubernetesClientOptions Options => new()
    {
        Server = server.Address,
        CertificateAuthorityFile = server.AuthorityFile,
        Token = KubernetesServer.Token,
        Namespace = KubernetesServer.Namespace,
        WithdrawTimeout = TimeSpan.FromSeconds(1),
        RetryIntervalMax = TimeSpan.FromMilliseconds(200),
    };

    public ILeaderElection NewCandidate(string value, TimeSpan? ttl = null, KubernetesClientOptions? options = null) =>
        Own(new Counted(this, NewElection(value, ttl, options)));

    public KubernetesElection NewElection(string value, TimeSpan? ttl = null, KubernetesClientOptions? options = null, string? lease = null) =>
        Own(new KubernetesElection(Own(new KubernetesClient(options ?? Options)), election, new KubernetesElectionOptions
        {
            Value = value,
            Identity = value,
            LeaseName = lease,
            Lease = new LeaseOptions { Ttl = ttl ?? Long },
        }));

    /// <summary>Holds for two minutes and renews every 1.2 s, and waits for an answer to a withdrawal as long as a test does: where the end of a TTL would mend something, that is too late.</summary>
    public KubernetesElection NewPatient(string value, KubernetesClientOptions? options = null) =>
        Own(new KubernetesElection(Own(new KubernetesClient((options ?? Options) with { WithdrawTimeout = Awaited.Deadline })), election, new KubernetesElectionOptions
        {
            Value = value,
            Identity = value,
            Lease = new LeaseOptions { Ttl = 2 * Awaited.Deadline, RenewalsPerTtl = 100 },
        }));

    public RunningProcess NewChild(TimeSpan ttl, string? gateFile = null, IReadOnlyDictionary<string, string>? environment = null) => new(Environment.ProcessPath!,
    [
        typeof(Candidate).Assembly.Location, Candidate.Word, server.Address, server.AuthorityFile, KubernetesServer.Token, election,
        gateFile ?? Path.Combine(server.Folder, $"token-{Guid.NewGuid():n}"), $"{ttl.TotalSeconds:0}",
    ], server.Folder, environment);

    public T Own<T>(T owned)
        where T : IAsyncDisposable
    {
        lock (_owned)
            _owned.Add(owned);
        return owned;
    }

    /// <summary>Who holds the Lease and who waits for it here: a Lease knows its holder and nobody else.</summary>
    public async Task<int> CountStandingAsync() => (await HolderAsync() is null ? 0 : 1) + Volatile.Read(ref _campaigns);

    public async Task<string?> HolderAsync() => (string?)(await server.GetAsync(Lease))?["spec"]?["holderIdentity"] is { Length: > 0 } holder ? holder : null;

    public Task UntilHeldByAsync(string identity) =>
        UntilAsync($"{identity} holds the Lease", async () => (await HolderAsync())?.StartsWith(identity, StringComparison.Ordinal) == true);

    public async ValueTask DisposeAsync()
    {
        foreach (var owned in Enumerable.Reverse(_owned))
            await owned.DisposeAsync();
    }

    private sealed class Counted(ElectionBench bench, ILeaderElection election) : ILeaderElection
    {
        public string Name => election.Name;

        public Guarantee Guarantee => election.Guarantee;

        public async Task<Leadership> CampaignAsync(CancellationToken cancellation)
        {
            Interlocked.Increment(ref bench._campaigns);
            try
            {
                return await election.CampaignAsync(cancellation);
            }
            finally
            {
                Interlocked.Decrement(ref bench._campaigns);
            }
        }

        public Task<Leadership?> TryCampaignAsync(CancellationToken cancellation) => election.TryCampaignAsync(cancellation);

        public IAsyncEnumerable<Leader?> ObserveAsync(CancellationToken cancellation) => election.ObserveAsync(cancellation);

        public Task<Leader?> GetLeaderAsync(CancellationToken cancellation) => election.GetLeaderAsync(cancellation);

        public ValueTask DisposeAsync() => election.DisposeAsync();
    }
}

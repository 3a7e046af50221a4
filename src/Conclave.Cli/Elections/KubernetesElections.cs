using System.Collections.Immutable;
using System.Globalization;
using Conclave.Kubernetes;
using Conclave.Kubernetes.Wire;
using Conclave.Orchestration;

namespace Conclave.Cli.Elections;

/// <summary>
/// The elections and locks in the Leases of one namespace. What counts as one: a Lease that somebody holds, with the times that client-go's leader election writes; so those of other programs are among
/// them, and the nodes' heartbeats are not. Who waits does not stand in a Lease, so only the leader is seen.
/// </summary>
internal sealed class KubernetesElections : IElections
{
    /// <summary>Looking at all Leases of a namespace that is not ours must end somewhere.</summary>
    public const int LeasesMax = 100_000;

    private const string InPod = "in-pod";
    private const int PageLeases = 500;

    /// <summary>A holder may renew in the moment of its removal, which is then made anew from what it wrote.</summary>
    private const int RemovalsMax = 20;

    private readonly KubernetesClient _client;
    private readonly TimeSpan _ttl;

    private KubernetesElections(KubernetesClient client, TimeSpan ttl) => (_client, _ttl) = (client, ttl);

    public static ElectionBackend Backend { get; } = new()
    {
        Name = "kubernetes",
        Summary = "kubernetes",
        EndpointVariable = "KUBERNETES_ENDPOINT",
        EndpointDefault = InPod,
        DefaultTtl = TimeSpan.FromSeconds(15),
        LeaseRoom = ttl => LeaseClock.Usable(ttl, LeaseOf(ttl)) - (2 * ttl / LeaseOf(ttl).RenewalsPerTtl),
        KeepsALine = false,
        Open = Open,
        OptionWords =
        [
            ($"{nameof(KubernetesClientOptions)}.{nameof(KubernetesClientOptions.TokenFile)} or {nameof(KubernetesClientOptions)}.{nameof(KubernetesClientOptions.Token)}", "token_file=FILE in --endpoints"),
            ($"{nameof(KubernetesClientOptions)}.{nameof(KubernetesClientOptions.CertificateAuthorityFile)}", "ca_file=FILE in --endpoints"),
            ($"{nameof(KubernetesClientOptions)}.{nameof(KubernetesClientOptions.TokenFile)}", "token_file"),
            ($"{nameof(KubernetesClientOptions)}.{nameof(KubernetesClientOptions.Namespace)}", "namespace"),
            ($"{nameof(KubernetesClientOptions)}.{nameof(KubernetesClientOptions.Server)}", "--endpoints"),
        ],
    };

    public ValueTask DisposeAsync() => _client.DisposeAsync();

    public ILeaderElection Candidate(string name, string value)
    {
        try
        {
            return new KubernetesElection(_client, name, new KubernetesElectionOptions { Value = value, Lease = LeaseOf(_ttl) });
        }
        catch (ArgumentException wrong)
        {
            throw new ConclaveException(string.IsNullOrWhiteSpace(name) ? "the election's name is empty; write one such as billing/dialer" : TextOf(wrong), ExitCode.Usage, wrong);
        }
    }

    public async Task<ImmutableArray<FoundElection>> ListAsync(string prefix, CancellationToken cancellation)
    {
        var found = new SortedDictionary<string, FoundElection>(StringComparer.Ordinal);
        var (seen, next) = (0, "");
        do
        {
            var page = await AskAsync(prefix, "", () => _client.Api.PageAsync(PageLeases, next, cancellation));
            foreach (var lease in page.Leases)
            {
                var name = LeaseRecord.NameOf(lease);
                if (name.StartsWith(prefix, StringComparison.Ordinal) && LeaseRecord.Problem(lease, name) is null && Holder(lease) is { } leader)
                    found[name] = new FoundElection(name, leader, Candidates: null);
            }

            seen += page.Leases.Length;
            if (seen > LeasesMax)
                throw new ConclaveException($"there are more than {LeasesMax} Leases in the namespace; use 'conclave election show ELECTION'");
            next = page.Next;
        }
        while (next.Length > 0);
        return [.. found.Values];
    }

    public async Task<ImmutableArray<StandingCandidate>> StandingAsync(string name, CancellationToken cancellation) =>
        await ReadAsync(name, cancellation) is { } lease && Holder(lease) is { } leader ? [leader] : [];

    /// <summary>How much of it is left only those know who have watched it for a while: nobody may compare its times with a clock of his own.</summary>
    public async Task<LeaseTerm?> LeaseAsync(StandingCandidate candidate, CancellationToken cancellation)
    {
        var lease = await AskAsync(candidate.Lease!, candidate.Lease!, () => _client.Api.ReadAsync(candidate.Lease!, cancellation));
        return lease?.Spec?.LeaseDurationSeconds is { } seconds ? new LeaseTerm(TimeSpan.FromSeconds(seconds), Left: null) : null;
    }

    public async Task<bool> RemoveAsync(string name, StandingCandidate candidate, CancellationToken cancellation)
    {
        for (var tried = 0; tried < RemovalsMax; tried++)
        {
            var lease = await ReadAsync(name, cancellation);
            if (lease is null || Holder(lease) is not { } holder || holder.FencingToken != candidate.FencingToken || holder.Key != candidate.Key)
                return false;
            if (await AskAsync(name, candidate.Lease!, () => _client.Api.ReplaceAsync(LeaseRecord.Released(lease, DateTimeOffset.UtcNow), cancellation)) is not null)
                return true;
        }

        throw new ElectionException($"the Lease of '{name}' changed under each of {RemovalsMax} attempts to take it from {candidate.Value}; try again");
    }

    /// <summary>
    /// What a pod finds in its environment, but for what is said: <c>in-pod</c> or the server's address, and behind a question mark <c>namespace</c>, <c>token_file</c> and <c>ca_file</c>.
    /// </summary>
    private static KubernetesElections Open(ImmutableArray<string> endpoints, TimeSpan ttl)
    {
        if (endpoints is not [var endpoint])
            throw new ConclaveException("--endpoints takes one API server of Kubernetes; name the address that all of them share", ExitCode.Usage);
        var said = AddressQuery.Of([endpoint], "namespace", "token_file", "ca_file");
        var options = new KubernetesClientOptions
        {
            Server = said.Addresses[0] == InPod ? null : said.Addresses[0],
            Namespace = said["namespace"],
            TokenFile = said["token_file"],
            CertificateAuthorityFile = said["ca_file"],
        };
        try
        {
            return new KubernetesElections(new KubernetesClient(options), ttl);
        }
        catch (ArgumentException refused)
        {
            throw new ConclaveException($"--endpoints: {Backend.InItsWords(TextOf(refused))}; outside of a pod write https://host:6443?namespace=NAME&token_file=FILE&ca_file=FILE", ExitCode.Usage, refused);
        }
    }

    /// <summary>In client-go's proportions: renewed every seventh of it, and over for us a third before others may take it.</summary>
    private static LeaseOptions LeaseOf(TimeSpan ttl) => new() { Ttl = ttl, RenewalsPerTtl = 7, StopMargin = ttl / 3 };

    private static StandingCandidate? Holder(LeaseObject lease) => LeaseRecord.ToLeader(lease) is not { } leader ? null : new StandingCandidate(
        lease.Holder!,
        leader.Value,
        leader.FencingToken,
        lease.Metadata.Name,
        DateTimeOffset.TryParse(lease.Spec?.AcquireTime, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var since) ? since : null);

    private static string TextOf(ArgumentException wrong) => wrong.Message.Split(" (Parameter", 2)[0].TrimEnd('.');

    private async Task<LeaseObject?> ReadAsync(string name, CancellationToken cancellation)
    {
        var leaseName = LeaseName.Of(name, chosen: null);
        var lease = await AskAsync(name, leaseName, () => _client.Api.ReadAsync(leaseName, cancellation));
        LeaseFormat.Require(lease, name, _client.Api.Namespace);
        return lease;
    }

    private async Task<T> AskAsync<T>(string name, string lease, Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (Exception fault) when (KubernetesFault.IsFault(fault))
        {
            throw KubernetesFault.ToElection(name, lease, _client.Api.Namespace, fault);
        }
    }
}

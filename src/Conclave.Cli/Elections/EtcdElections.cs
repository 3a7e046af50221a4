using System.Collections.Immutable;
using System.Globalization;
using Conclave.Etcd;
using Conclave.Orchestration;
using Conclave.Wire.Etcd;
using Google.Protobuf;

namespace Conclave.Cli.Elections;

/// <summary>
/// The elections and locks of an etcd or a <c>conclave serve</c>. What counts as one: a prefix <c>NAME/</c> under which keys stand that are called by the lease they are attached to, in hex. That is
/// etcd's own recipe, so those of other programs (<c>etcdctl elect</c>, <c>etcdctl lock</c>, Go's <c>concurrency</c>) are among them.
/// </summary>
internal sealed class EtcdElections : IElections
{
    /// <summary>Looking at all keys of a store that is not ours must end somewhere.</summary>
    public const int KeysMax = 1_000_000;

    private const int PageKeys = 1000;
    private const int TxnOperations = 100; // etcd takes 128

    private readonly EtcdClient _client;
    private readonly EtcdSession _session;

    private EtcdElections(EtcdClient client, EtcdSession session) => (_client, _session) = (client, session);

    public static ElectionBackend Backend { get; } = new()
    {
        Name = "etcd",
        Summary = "etcd, which also means 'conclave serve'",
        EndpointVariable = "ETCD_ENDPOINT",
        EndpointDefault = "http://127.0.0.1:2379",
        DefaultTtl = TimeSpan.FromSeconds(15),
        LeaseRoom = ttl => LeaseClock.Usable(ttl, LeaseOf(ttl)) - (2 * ttl / LeaseOf(ttl).RenewalsPerTtl),
        Open = Open,
        OptionWords =
        [
            ($"{nameof(EtcdClientOptions)}.{nameof(EtcdClientOptions.Credentials)} (name:password)", "user_file=FILE in --endpoints, whose first line is NAME:PASSWORD"),
            ($"{nameof(EtcdClientOptions)}.{nameof(EtcdClientOptions.Credentials)}", "user_file"),
        ],
    };

    public async ValueTask DisposeAsync()
    {
        await _session.DisposeAsync();
        await _client.DisposeAsync();
    }

    public ILeaderElection Candidate(string name, string value)
    {
        try
        {
            return new EtcdElection(_session, name, new EtcdElectionOptions { Value = value });
        }
        catch (ArgumentException)
        {
            throw new ConclaveException($"etcd has no place for an election of this name; a name has 1 to {EtcdElection.NameBytesMax} bytes and is not blank", ExitCode.Usage);
        }
    }

    public async Task<ImmutableArray<FoundElection>> ListAsync(string prefix, CancellationToken cancellation)
    {
        var found = new SortedDictionary<string, (KeyValue Leader, int Candidates)>(StringComparer.Ordinal);
        long revision = 0;
        await foreach (var page in PagesAsync(prefix, cancellation))
        {
            revision = revision == 0 ? page.Header.Revision : revision; // that of the first, at which all are read
            foreach (var key in page.Kvs)
            {
                if (NameOf(key) is not { } name)
                    continue;
                found[name] = found.TryGetValue(name, out var known)
                    ? (Before(key, known.Leader) ? key : known.Leader, known.Candidates + 1)
                    : (key, 1);
            }
        }

        return await WithValuesAsync(found, revision, cancellation);
    }

    public async Task<ImmutableArray<StandingCandidate>> StandingAsync(string name, CancellationToken cancellation)
    {
        var all = await AskAsync(() => _client.RangeAsync(new ElectionKeys(name).All(), cancellation));
        return [.. all.Kvs.OrderBy(key => key.CreateRevision).ThenBy(key => key.Key.ToStringUtf8(), StringComparer.Ordinal).Select(Candidate)];
    }

    public async Task<LeaseTerm?> LeaseAsync(StandingCandidate candidate, CancellationToken cancellation)
    {
        if (candidate.Lease is null)
            return null;
        var id = long.Parse(candidate.Lease, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        var told = await AskAsync(() => _client.LeaseTimeToLiveAsync(new LeaseTimeToLiveRequest { ID = id }, cancellation));
        return told.TTL < 0 ? null : new LeaseTerm(TimeSpan.FromSeconds(told.GrantedTTL), TimeSpan.FromSeconds(told.TTL));
    }

    public async Task<bool> RemoveAsync(string name, StandingCandidate candidate, CancellationToken cancellation)
    {
        var removal = ElectionKeys.Withdraw(ByteString.CopyFromUtf8(candidate.Key), candidate.FencingToken.Value);
        try
        {
            return (await _client.TxnAsync(removal, cancellation)).Succeeded;
        }
        catch (EtcdException unknown) when (unknown.OutcomeUnknown)
        {
            throw new ElectionException($"no answer came to the request that ends the leadership of {candidate.Value}, so it may be over or not; 'conclave election show' tells", unknown);
        }
        catch (EtcdException fault)
        {
            throw ToElection(fault);
        }
    }

    private static EtcdElections Open(ImmutableArray<string> endpoints, TimeSpan ttl)
    {
        var said = AddressQuery.Of(endpoints, "user_file", "ca_file", "cert_file", "key_file");
        var client = NewClient(new EtcdClientOptions
        {
            Endpoints = said.Addresses,
            Credentials = said.LineOf("user_file"),
            CertificateAuthorityFile = said["ca_file"],
            CertificateFile = said["cert_file"],
            CertificateKeyFile = said["key_file"],
            RequestTimeout = ttl / 4,
        });
        return new EtcdElections(client, new EtcdSession(client, new EtcdSessionOptions { Lease = LeaseOf(ttl) }));
    }

    private static EtcdClient NewClient(EtcdClientOptions options)
    {
        try
        {
            return new EtcdClient(options);
        }
        catch (ArgumentException refused)
        {
            throw new ConclaveException($"--endpoints: {refused.Message.Split(" (Parameter", 2)[0]}", ExitCode.Usage, refused);
        }
    }

    private static LeaseOptions LeaseOf(TimeSpan ttl) => new() { Ttl = ttl };

    /// <summary>All keys that begin so, without values, at one revision.</summary>
    private async IAsyncEnumerable<RangeResponse> PagesAsync(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var (from, end) = RangeOf(prefix);
        long revision = 0;
        for (var keys = 0; ;)
        {
            var request = new RangeRequest { Key = from, RangeEnd = end, Limit = PageKeys, KeysOnly = true, Revision = revision };
            var page = await AskAsync(() => _client.RangeAsync(request, cancellation));
            yield return page;
            keys += page.Kvs.Count;
            if (!page.More || page.Kvs.Count == 0)
                yield break;
            if (keys >= KeysMax)
                throw new ConclaveException($"there are more than {KeysMax} keys to look through; name the beginning of what you look for with --prefix");
            revision = revision == 0 ? page.Header.Revision : revision;
            from = ByteString.CopyFrom([.. page.Kvs[^1].Key.Span, 0]);
        }
    }

    private async Task<ImmutableArray<FoundElection>> WithValuesAsync(SortedDictionary<string, (KeyValue Leader, int Candidates)> found, long revision, CancellationToken cancellation)
    {
        var list = ImmutableArray.CreateBuilder<FoundElection>(found.Count);
        foreach (var part in found.Chunk(TxnOperations))
        {
            var read = new TxnRequest();
            read.Success.AddRange(part.Select(election => new RequestOp { RequestRange = new RangeRequest { Key = election.Value.Leader.Key, Revision = revision } }));
            var answer = await AskAsync(() => _client.TxnAsync(read, cancellation));
            foreach (var ((name, (_, candidates)), response) in part.Zip(answer.Responses))
                list.Add(new FoundElection(name, Candidate(response.ResponseRange.Kvs[0]), candidates));
        }

        return list.MoveToImmutable();
    }

    private static (ByteString From, ByteString End) RangeOf(string prefix)
    {
        var everything = ByteString.CopyFrom(0);
        var from = ByteString.CopyFromUtf8(prefix);
        if (from.IsEmpty)
            return (everything, everything);

        // One more than the last byte; UTF-8 has no 0xff.
        var end = from.ToByteArray();
        end[^1]++;
        return (from, ByteString.CopyFrom(end));
    }

    private static string? NameOf(KeyValue key)
    {
        var path = key.Key.ToStringUtf8();
        var slash = path.LastIndexOf('/');
        return key.Lease != 0 && slash > 0 && path.AsSpan(slash + 1).SequenceEqual(Hex(key.Lease)) ? path[..slash] : null;
    }

    private static bool Before(KeyValue key, KeyValue other) =>
        key.CreateRevision != other.CreateRevision ? key.CreateRevision < other.CreateRevision : string.CompareOrdinal(key.Key.ToStringUtf8(), other.Key.ToStringUtf8()) < 0;

    private static StandingCandidate Candidate(KeyValue key)
    {
        var leader = ElectionKeys.ToLeader(key);
        return new StandingCandidate(key.Key.ToStringUtf8(), leader.Value, leader.FencingToken, key.Lease == 0 ? null : Hex(key.Lease));
    }

    private static string Hex(long lease) => lease.ToString("x", CultureInfo.InvariantCulture);

    private static async Task<T> AskAsync<T>(Func<Task<T>> ask)
    {
        try
        {
            return await ask();
        }
        catch (EtcdException fault)
        {
            throw ToElection(fault);
        }
    }

    private static ElectionException ToElection(EtcdException fault) =>
        EtcdFault.IsSilence(fault) ? new ElectionUnavailableException($"etcd did not answer: {fault.Message}", fault) : new ElectionException($"etcd refused: {EtcdFault.Told(fault)}", fault);
}

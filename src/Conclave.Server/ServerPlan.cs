using Conclave.Consensus;
using Conclave.Runtime;
using Conclave.Server.Hosting;
using Conclave.Store;

namespace Conclave.Server;

/// <summary>Options that have been checked, alone and against each other. Pure: nothing is bound, created or looked up here, but whether the data directory is empty.</summary>
internal sealed record ServerPlan
{
    private static readonly TimeSpan ElectionTimeoutMax = TimeSpan.FromSeconds(50);

    public required IReadOnlyList<ListenUrl> ListenClient { get; init; }

    /// <summary>Null: whatever is listened on.</summary>
    public required IReadOnlyList<string>? AdvertiseClient { get; init; }

    public required IReadOnlyList<MemberAddress> Members { get; init; }

    public required MemberAddress Self { get; init; }

    public required ClusterId Cluster { get; init; }

    public required string DataDirectory { get; init; }

    /// <exception cref="ServerOptionException">The first option that cannot be used.</exception>
    public static ServerPlan Of(EtcdServerOptions options)
    {
        if (options.Name.Length == 0) throw new ServerOptionException("--name", "is empty");
        CheckTimes(options);
        var listenClient = ParseAll(options.ListenClientUrls, "--listen-client-urls");
        var listenPeer = ParseAll(options.ListenPeerUrls, "--listen-peer-urls");
        RequireLocal(listenClient, "--listen-client-urls", options.Insecure);
        RequireLocal(listenPeer, "--listen-peer-urls", options.Insecure);
        if (options.AdvertiseClientUrls is { } advertise) ParseAll(advertise, "--advertise-client-urls");

        var advertisePeer = options.InitialAdvertisePeerUrls ?? options.ListenPeerUrls;
        if (ParseAll(advertisePeer, "--initial-advertise-peer-urls").Any(url => url is { SocketPath: null, Port: 0 }))
            throw new ServerOptionException("--initial-advertise-peer-urls", "port 0 cannot be told to the other members; choose one");

        var members = ParseCluster(options.InitialCluster ?? string.Join(',', advertisePeer.Select(url => $"{options.Name}={url}")), options.InitialClusterToken);
        var self = members.SingleOrDefault(member => member.Name == options.Name)
            ?? throw new ServerOptionException("--initial-cluster", $"does not name this member; add {options.Name}={advertisePeer[0]}");
        if (!self.PeerUrls.Order(StringComparer.Ordinal).SequenceEqual(advertisePeer.Order(StringComparer.Ordinal), StringComparer.Ordinal))
        {
            throw new ServerOptionException(
                "--initial-cluster", $"has {string.Join(',', self.PeerUrls)} for {options.Name}, --initial-advertise-peer-urls has {string.Join(',', advertisePeer)}; they must be equal");
        }

        var directory = Path.GetFullPath(options.DataDir ?? $"{options.Name}.etcd");
        CheckState(options.InitialClusterState, directory);
        return new ServerPlan
        {
            ListenClient = listenClient,
            AdvertiseClient = options.AdvertiseClientUrls,
            Members = members,
            Self = self,
            Cluster = ClusterIdentity.ClusterId(options.InitialClusterToken, members.Select(member => member.Id)),
            DataDirectory = directory,
        };
    }

    private static void CheckTimes(EtcdServerOptions options)
    {
        if (options.HeartbeatInterval < TimeSpan.FromMilliseconds(2)) throw new ServerOptionException("--heartbeat-interval", $"{options.HeartbeatInterval.TotalMilliseconds} ms is less than 2 ms");
        if (options.ElectionTimeout < 5 * options.HeartbeatInterval)
        {
            throw new ServerOptionException(
                "--election-timeout", $"{options.ElectionTimeout.TotalMilliseconds} ms must be at least 5 times --heartbeat-interval ({options.HeartbeatInterval.TotalMilliseconds} ms)");
        }

        if (options.ElectionTimeout > ElectionTimeoutMax) throw new ServerOptionException("--election-timeout", $"{options.ElectionTimeout.TotalMilliseconds} ms is more than {ElectionTimeoutMax.TotalMilliseconds} ms");
        if (options.MaxRequestBytes < 1) throw new ServerOptionException("--max-request-bytes", "must be above zero");
        if (options.MaxTxnOps < 1) throw new ServerOptionException("--max-txn-ops", "must be above zero");
    }

    private static List<ListenUrl> ParseAll(IReadOnlyList<string> urls, string option)
    {
        if (urls.Count == 0) throw new ServerOptionException(option, "is empty; give at least one URL");
        return [.. urls.Select(url => ListenUrl.Parse(url, option))];
    }

    private static void RequireLocal(List<ListenUrl> urls, string option, bool insecure)
    {
        if (!insecure && urls.Find(url => !url.IsLocal) is { } open)
            throw new ServerOptionException(option, $"{open.Text} can be reached from other machines and TLS is not supported yet; listen on 127.0.0.1, or add --insecure to serve cleartext");
    }

    private static List<MemberAddress> ParseCluster(string text, string token)
    {
        var urls = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var (name, url) = part.IndexOf('=', StringComparison.Ordinal) is var at and > 0 ? (part[..at], part[(at + 1)..]) : throw new ServerOptionException("--initial-cluster", $"'{part}' is not name=url");
            ListenUrl.Parse(url, "--initial-cluster");
            if (urls.Values.Any(known => known.Contains(url, StringComparer.Ordinal))) throw new ServerOptionException("--initial-cluster", $"{url} stands there twice");
            if (!urls.TryGetValue(name, out var list)) urls[name] = list = [];
            list.Add(url);
        }

        if (urls.Count == 0) throw new ServerOptionException("--initial-cluster", "is empty");
        return [.. urls.Select(member => new MemberAddress(ClusterIdentity.MemberId(token, member.Value), member.Key, member.Value))];
    }

    private static void CheckState(string state, string directory)
    {
        if (state is not ("new" or "existing")) throw new ServerOptionException("--initial-cluster-state", $"'{state}' is neither new nor existing");
        if (state == "existing" && !(Directory.Exists(directory) && Directory.EnumerateFileSystemEntries(directory).Any()))
            throw new ServerOptionException("--initial-cluster-state", $"existing, but {directory} is empty; joining a running cluster is not supported yet, so begin with new");
    }
}

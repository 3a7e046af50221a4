using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Conclave.Orchestration;

namespace Conclave.Cli;

/// <summary>The words of the flags as they were given; null where one was not.</summary>
internal sealed record ServeFlags
{
    public string? Name { get; init; }

    public string? DataDir { get; init; }

    public string? ListenClientUrls { get; init; }

    public string? AdvertiseClientUrls { get; init; }

    public string? ListenPeerUrls { get; init; }

    public string? InitialAdvertisePeerUrls { get; init; }

    public string? InitialCluster { get; init; }

    public string? InitialClusterState { get; init; }

    public string? InitialClusterToken { get; init; }

    public string? HeartbeatInterval { get; init; }

    public string? ElectionTimeout { get; init; }

    public bool Insecure { get; init; }

    /// <summary>etcd takes <c>-name</c> as well as <c>--name</c>.</summary>
    public static string[] WithTwoDashes(IEnumerable<string> arguments) =>
        [.. arguments.Select(argument => argument.Length > 2 && argument[0] == '-' && char.IsAsciiLetter(argument[1]) ? "-" + argument : argument)];

    /// <summary>Checks the flags and their relations, as etcd does, and fills in etcd's defaults.</summary>
    public ServeOptions Check(string workingDirectory)
    {
        var name = Name ?? "default";
        var peers = Urls("--initial-advertise-peer-urls", InitialAdvertisePeerUrls) ?? [new Uri("http://localhost:2380")];
        var clients = Urls("--listen-client-urls", ListenClientUrls);
        if (clients is not null && AdvertiseClientUrls is null)
            throw Wrong("--advertise-client-urls is required when --listen-client-urls is set", "give the URL that clients use");
        var options = new ServeOptions
        {
            Name = name,
            DataDir = Path.GetFullPath(Path.Combine(workingDirectory, DataDir ?? name + ".etcd")),
            ListenClientUrls = clients ?? [new Uri("http://localhost:2379")],
            AdvertiseClientUrls = Urls("--advertise-client-urls", AdvertiseClientUrls) ?? [new Uri("http://localhost:2379")],
            ListenPeerUrls = Urls("--listen-peer-urls", ListenPeerUrls) ?? [new Uri("http://localhost:2380")],
            InitialAdvertisePeerUrls = peers,
            InitialCluster = InitialCluster is null ? [.. peers.Select(url => new PeerUrl(name, url))] : Peers(InitialCluster),
            JoinsExisting = State(InitialClusterState),
            InitialClusterToken = InitialClusterToken ?? "etcd-cluster",
            HeartbeatInterval = Milliseconds("--heartbeat-interval", HeartbeatInterval, 100),
            ElectionTimeout = Milliseconds("--election-timeout", ElectionTimeout, 1000),
            Insecure = Insecure,
        };
        CheckRelations(options);
        return options;
    }

    private static void CheckRelations(ServeOptions options)
    {
        if (options.ElectionTimeout < 5 * options.HeartbeatInterval)
            throw Wrong("--election-timeout is less than five times --heartbeat-interval", "a follower must miss several heartbeats before it campaigns");
        if (options.ElectionTimeout > TimeSpan.FromSeconds(50))
            throw Wrong("--election-timeout is more than 50000", "write milliseconds");
        if (!options.InitialCluster.Any(peer => peer.Name == options.Name))
            throw Wrong($"--initial-cluster does not name '{options.Name}'", "every member, this one included, stands in it as name=url");
        var own = options.InitialCluster.Where(peer => peer.Name == options.Name).Select(peer => peer.Url).ToHashSet();
        if (!own.SetEquals(options.InitialAdvertisePeerUrls))
            throw Wrong($"--initial-cluster has {string.Join(',', own)} for '{options.Name}' and --initial-advertise-peer-urls has {string.Join(',', options.InitialAdvertisePeerUrls)}", "they must be the same");
        foreach (var url in options.ListenClientUrls.Concat(options.ListenPeerUrls))
        {
            if (url.Scheme == "http" && !url.IsLoopback && !options.Insecure)
                throw Wrong($"{url} can be reached from other machines without TLS", "listen on 127.0.0.1, or accept that with --insecure");
        }
    }

    private static ImmutableArray<Uri>? Urls(string flag, string? text) =>
        text is null ? null : [.. text.Split(',', StringSplitOptions.TrimEntries).Select(url => Url(flag, url))];

    private static Uri Url(string flag, string text)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url))
            throw Wrong($"{flag}: '{text}' is not a URL", "write it like http://127.0.0.1:2379");
        if (url.Scheme is "https" or "unixs")
            throw Wrong($"{flag}: TLS is not there yet", "write http://");
        if (url.Scheme == "unix")
            return url;
        if (url.Scheme != "http")
            throw Wrong($"{flag}: '{text}' is not a URL to listen on", "write it like http://127.0.0.1:2379");
        if (url.IsDefaultPort && !text.Contains(":80", StringComparison.Ordinal))
            throw Wrong($"{flag}: '{text}' has no port", "write it like http://127.0.0.1:2379");
        if (url.PathAndQuery != "/")
            throw Wrong($"{flag}: '{text}' has a path", "write scheme, host and port only");
        if (flag.StartsWith("--listen", StringComparison.Ordinal) && url.Host != "localhost" && !IPAddress.TryParse(url.Host.Trim('[', ']'), out _))
            throw Wrong($"{flag}: '{url.Host}' is a name", "a listening address is an IP address of this machine, or localhost");
        return url;
    }

    private static ImmutableArray<PeerUrl> Peers(string text)
    {
        var peers = ImmutableArray.CreateBuilder<PeerUrl>();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                throw Wrong($"--initial-cluster: '{part}' has no name", "write node-1=http://127.0.0.1:2380,node-2=...");
            peers.Add(new PeerUrl(part[..equals], Url("--initial-cluster", part[(equals + 1)..])));
        }

        if (peers.Select(peer => peer.Url).Distinct().Count() != peers.Count)
            throw Wrong("--initial-cluster has one URL twice", "each member has its own");
        return peers.ToImmutable();
    }

    private static bool State(string? text) => text switch
    {
        null or "new" => false,
        "existing" => true,
        _ => throw Wrong($"--initial-cluster-state is '{text}'", "write new or existing"),
    };

    private static TimeSpan Milliseconds(string flag, string? text, int otherwise)
    {
        if (text is null)
            return TimeSpan.FromMilliseconds(otherwise);
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds) && milliseconds > 0
            ? TimeSpan.FromMilliseconds(milliseconds)
            : throw Wrong($"{flag} is '{text}'", "write milliseconds, without a unit");
    }

    private static ConclaveException Wrong(string what, string remedy) => new($"{what}; {remedy}", ExitCode.Usage);
}

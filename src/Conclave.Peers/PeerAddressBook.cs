using System.Globalization;
using System.Net;
using Conclave.Consensus;
using Conclave.Runtime;
using Conclave.Store;

namespace Conclave.Peers;

/// <summary>Where one member is.</summary>
internal sealed record PeerEntry(string Name, string Host, int Port)
{
    /// <summary>As the links between members want it.</summary>
    public string Url => UrlOf(Host, Port);

    public static string UrlOf(string host, int port) =>
        string.Create(CultureInfo.InvariantCulture, $"http://{(host.Contains(':', StringComparison.Ordinal) ? $"[{host}]" : host)}:{port}");

    /// <summary>Null when it is no <c>name=host:port</c>.</summary>
    public static PeerEntry? TryParse(string text)
    {
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        return equals > 0 && TryParseAddress(text[(equals + 1)..]) is var (host, port) ? new PeerEntry(text[..equals].Trim(), host, port) : null;
    }

    /// <summary>Null when it is no <c>host:port</c>; an IPv6 address stands in brackets.</summary>
    public static (string Host, int Port)? TryParseAddress(string text)
    {
        text = text.Trim();
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65_535)
            return null;
        var host = text[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
            return IPAddress.TryParse(host[1..^1], out _) ? (host[1..^1], port) : null;
        return Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4 ? (host, port) : null;
    }

    /// <summary>Reachable from this host only. A name that is not <c>localhost</c> may mean anything.</summary>
    public static bool IsLoopback(string host) =>
        string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}

/// <summary>Who is in the group, with the ids that every member derives alike from the names. Made from options that were checked.</summary>
internal sealed class PeerAddressBook
{
    private readonly SortedDictionary<PeerId, PeerEntry> _entries = [];
    private readonly PeerId[] _sorted;

    public PeerAddressBook(PeerGroupOptions options)
    {
        var token = $"conclave-peers/{options.Group}";
        foreach (var entry in options.Peers.Select(text => PeerEntry.TryParse(text)!))
            _entries.Add(ClusterIdentity.MemberId(token, [entry.Name]), entry);
        _sorted = [.. _entries.Keys];
        Self = _entries.Single(entry => entry.Value.Name == options.Name).Key;
        Cluster = ClusterIdentity.ClusterId(token, _sorted);
    }

    public PeerId Self { get; }

    public ClusterId Cluster { get; }

    public IReadOnlyList<MemberAddress> Members => [.. _entries.Select(entry => new MemberAddress(entry.Key, entry.Value.Name, [entry.Value.Url]))];

    public string NameOf(PeerId member) => _entries.TryGetValue(member, out var entry) ? entry.Name : member.ToString();

    public string AddressOf(PeerId member) => _entries.TryGetValue(member, out var entry) ? $"{entry.Host}:{entry.Port}" : member.ToString();

    /// <summary>The member's place among the sorted ids, the same on all members.</summary>
    public int PositionOf(PeerId member) => Array.BinarySearch(_sorted, member);
}

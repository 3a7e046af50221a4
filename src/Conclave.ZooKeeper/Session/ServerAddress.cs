using System.Globalization;

namespace Conclave.ZooKeeper;

/// <summary>Where one server of the ensemble listens for clients.</summary>
internal sealed record ServerAddress(string Host, int Port)
{
    public const int DefaultPort = 2181;

    /// <summary>Reads <c>host</c>, <c>host:port</c>, <c>[v6 address]</c> or <c>[v6 address]:port</c>.</summary>
    /// <exception cref="ArgumentException">It is none of them; the message shows it.</exception>
    public static ServerAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var (host, rest) = text.StartsWith('[') && text.IndexOf(']', StringComparison.Ordinal) is > 1 and var end
            ? (text[1..end], text[(end + 1)..])
            : text.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon ? (text[..colon], text[colon..]) : (text, "");
        if (host.Length == 0 || host.AsSpan().ContainsAny(' ', '/', ','))
            throw Refused(text);
        if (rest.Length == 0)
            return new ServerAddress(host, DefaultPort);
        if (rest[0] != ':' || !ushort.TryParse(rest.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
            throw Refused(text);
        return new ServerAddress(host, port);
    }

    public override string ToString() => Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]:{Port}" : $"{Host}:{Port}";

    private static ArgumentException Refused(string text) =>
        new($"'{text}' is no server of ZooKeeper: {nameof(ZooKeeperClientOptions)}.{nameof(ZooKeeperClientOptions.Servers)} takes 'host:port', one server per element.", nameof(text));
}

/// <summary>The servers in turn, from a random one on, so that many clients do not all begin with the first. Thread-safe.</summary>
internal sealed class ServerRing
{
    private readonly ServerAddress[] _servers;
    private int _next;

    public ServerRing(IEnumerable<string> servers)
    {
        _servers = [.. servers.Select(ServerAddress.Parse)];
        Random.Shared.Shuffle(_servers);
    }

    public int Count => _servers.Length;

    public ServerAddress Next() => _servers[(uint)Interlocked.Increment(ref _next) % (uint)_servers.Length];
}

using System.Net;
using System.Net.Sockets;

namespace Conclave.Runtime.Peers;

/// <summary>Where a member listens for its peers: <c>http://host:port</c> (etcd's spelling of TCP) or <c>unix://path</c>.</summary>
internal sealed class PeerAddress
{
    private readonly string _text;
    private readonly string? _path;
    private readonly string _host = "";
    private readonly int _port;

    private PeerAddress(string text, string path) => (_text, _path) = (text, path);

    private PeerAddress(string text, string host, int port) => (_text, _host, _port) = (text, host, port);

    /// <summary>The file of a Unix socket; null for TCP.</summary>
    public string? SocketPath => _path;

    /// <exception cref="FormatException">Neither of the two forms.</exception>
    public static PeerAddress Parse(string url)
    {
        const string Unix = "unix://";
        if (url.StartsWith(Unix, StringComparison.Ordinal) && url.Length > Unix.Length)
            return new PeerAddress(url, url[Unix.Length..]);
        if (Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme == "http" && uri.AbsolutePath == "/")
            return new PeerAddress(url, uri.DnsSafeHost, uri.Port);
        throw new FormatException($"'{url}' is no peer URL: expected http://host:port or unix://path.");
    }

    /// <summary>A socket for it, not connected.</summary>
    public Socket NewSocket() => _path is not null
        ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
        : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    /// <summary>What to connect to.</summary>
    public EndPoint ToEndPoint() => _path is not null ? new UnixDomainSocketEndPoint(_path) : new DnsEndPoint(_host, _port);

    /// <summary>What to listen on.</summary>
    public async Task<EndPoint> ToListenEndPointAsync(CancellationToken cancel)
    {
        if (_path is not null)
            return new UnixDomainSocketEndPoint(_path);
        if (IPAddress.TryParse(_host, out var address))
            return new IPEndPoint(address, _port);
        var addresses = await Dns.GetHostAddressesAsync(_host, cancel).ConfigureAwait(false);
        return new IPEndPoint(addresses[0], _port);
    }

    /// <inheritdoc/>
    public override string ToString() => _text;
}

using System.Net;
using System.Net.Sockets;

namespace Conclave.Server.Hosting;

/// <summary>An address that clients are served on: <c>http://host:port</c> or <c>unix:///path</c>.</summary>
internal sealed record ListenUrl
{
    // sun_path of Linux, less its closing zero.
    private const int SocketPathCharsMax = 107;

    private ListenUrl(string text, string? socketPath, string host, int port) => (Text, SocketPath, Host, Port) = (text, socketPath, host, port);

    public string Text { get; }

    /// <summary>Null for TCP.</summary>
    public string? SocketPath { get; }

    public string Host { get; }

    /// <summary>0: any free port.</summary>
    public int Port { get; }

    /// <summary>Only programs of this machine can reach it.</summary>
    public bool IsLocal => SocketPath is not null || Host == "localhost" || (IPAddress.TryParse(Host, out var address) && IPAddress.IsLoopback(address));

    /// <exception cref="ServerOptionException">Anything else.</exception>
    public static ListenUrl Parse(string text, string option)
    {
        if (text.StartsWith("unix:", StringComparison.Ordinal))
        {
            var path = text["unix:".Length..];
            if (path.StartsWith("//", StringComparison.Ordinal)) path = path[2..];
            if (path.Length == 0) throw Wrong(text, option, "names no path; write unix:///path/of/socket");
            if (path.Length > SocketPathCharsMax) throw Wrong(text, option, $"has a path of {path.Length} characters; a Unix socket's has at most {SocketPathCharsMax}");
            return new ListenUrl(text, Path.GetFullPath(path), "", 0);
        }

        if (text.StartsWith("https:", StringComparison.OrdinalIgnoreCase)) throw Wrong(text, option, "asks for TLS, which is not supported yet; use http://");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttp || uri.PathAndQuery != "/")
            throw Wrong(text, option, "is neither http://host:port nor unix:///path");
        return new ListenUrl(text, null, uri.DnsSafeHost, uri.Port);
    }

    /// <summary>What a socket binds to. A name is looked up.</summary>
    public async Task<EndPoint> ToEndPointAsync(CancellationToken cancellation)
    {
        if (SocketPath is not null) return new UnixDomainSocketEndPoint(SocketPath);
        if (IPAddress.TryParse(Host, out var address)) return new IPEndPoint(address, Port);
        var addresses = await Dns.GetHostAddressesAsync(Host, cancellation);
        return new IPEndPoint(addresses.FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork) ?? addresses[0], Port);
    }

    /// <summary>As <see cref="Text"/>, with the port that the system chose when 0 was asked for.</summary>
    public string WithPortOf(EndPoint bound) => Port == 0 && bound is IPEndPoint ip ? new UriBuilder(Uri.UriSchemeHttp, Host, ip.Port).Uri.GetLeftPart(UriPartial.Authority) : Text;

    private static ServerOptionException Wrong(string text, string option, string why) => new(option, $"'{text}' {why}");
}

using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;

namespace Conclave.Wire.Grpc;

/// <summary>Where a server listens: a host and port, or the path of a Unix socket.</summary>
public sealed record GrpcAddress
{
    private GrpcAddress(Uri uri, string? socketPath)
    {
        Uri = uri;
        SocketPath = socketPath;
    }

    /// <summary>What requests are addressed to; for a Unix socket a host name that is never resolved.</summary>
    public Uri Uri { get; }

    /// <summary>Whether the connection is encrypted and the server has to prove its name.</summary>
    public bool IsTls => Uri.Scheme == Uri.UriSchemeHttps;

    /// <summary>Null for TCP.</summary>
    public string? SocketPath { get; }

    /// <summary>Reads <c>http://host:port</c>, <c>https://host:port</c>, <c>host:port</c> (cleartext) or <c>unix:///path</c>.</summary>
    /// <exception cref="ArgumentException">Anything else, with the remedy in the message.</exception>
    public static GrpcAddress Parse(string endpoint) =>
        TryParse(endpoint, out var address, out var problem) ? address : throw new ArgumentException(problem, nameof(endpoint));

    /// <inheritdoc/>
    public override string ToString() => SocketPath is null ? Uri.GetLeftPart(UriPartial.Authority) : $"unix://{SocketPath}";

    internal static bool TryParse(string endpoint, [NotNullWhen(true)] out GrpcAddress? address, [NotNullWhen(false)] out string? problem)
    {
        address = null;
        problem = null;
        if (endpoint.StartsWith("unix:", StringComparison.Ordinal))
        {
            var path = endpoint["unix:".Length..];
            if (path.StartsWith("//", StringComparison.Ordinal)) path = path[2..];
            if (path.Length == 0) problem = $"endpoint '{endpoint}' names no path; write unix:///path/of/socket";
            else if (path.Length > SocketPathCharsMax) problem = $"endpoint '{endpoint}': a Unix socket's path has at most {SocketPathCharsMax} characters";
            else address = new GrpcAddress(new Uri("http://localhost"), path);
            return address is not null;
        }

        var text = endpoint.Contains("://", StringComparison.Ordinal) ? endpoint : $"http://{endpoint}";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps) || uri.UserInfo.Length > 0 || uri.Host.Length == 0 || uri.PathAndQuery != "/")
        {
            problem = $"endpoint '{endpoint}' is none of http://host:port, https://host:port, host:port, unix:///path";
            return false;
        }

        address = new GrpcAddress(uri, null);
        return true;
    }

    // sun_path of Linux, less its closing zero.
    private const int SocketPathCharsMax = 107;

    internal static async ValueTask<Stream> ConnectUnixAsync(string path, CancellationToken cancellation)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellation).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

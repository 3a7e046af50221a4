using System.Collections.Immutable;
using System.Net;

namespace Conclave.Orchestration.Model.Yaml;

/// <summary>Reads <c>gateway</c>.</summary>
internal static class GatewayReader
{
    private const string DefaultListen = "http://127.0.0.1:8080";

    public static GatewaySpec Read(Fields? fields, IReadOnlyList<string> services, Problems problems)
    {
        if (fields is null)
            return GatewaySpec.None;
        var defaults = new GatewaySpec();
        var gateway = new GatewaySpec
        {
            Listen = Listen(fields, problems),
            Routes = Routes(fields, services, problems),
            Replicas = fields.Int("replicas", 0, 16) ?? defaults.Replicas,
            MaxRequestBodyBytes = fields.Int("max_request_body_bytes", 0, int.MaxValue) ?? defaults.MaxRequestBodyBytes,
            MaxConnections = fields.Int("max_connections", 1, 1_000_000) ?? defaults.MaxConnections,
            RequestTimeout = fields.Duration("request_timeout", TimeSpan.FromMilliseconds(100)) ?? defaults.RequestTimeout,
        };
        fields.Finish();
        return gateway;
    }

    private static ImmutableArray<string> Listen(Fields fields, Problems problems)
    {
        if (fields.Take("listen") is not { } item)
            return [DefaultListen];
        var elements = item is YamlItem.Sequence list ? list.Items : [item];
        if (elements.Count == 0)
            problems.Add(item.Line, "gateway.listen is empty", $"write [\"{DefaultListen}\"]");
        var urls = ImmutableArray.CreateBuilder<string>();
        foreach (var element in elements)
        {
            if (Fields.AsText(element, "gateway.listen", problems) is not { } text)
                continue;
            if (Wrong(text) is { } remedy)
                problems.Add(element.Line, $"gateway.listen: '{text}' is not an address to listen on", remedy);
            else if (urls.Contains(text.TrimEnd('/'), StringComparer.OrdinalIgnoreCase))
                problems.Add(element.Line, $"gateway.listen: {text} stands twice", "remove one of them");
            else if (urls.Any(u => string.Equals(Address(u), Address(text.TrimEnd('/')), StringComparison.OrdinalIgnoreCase)))
                problems.Add(element.Line, $"gateway.listen: {Address(text.TrimEnd('/'))} is asked for as http:// and as {GatewaySpec.Http2Scheme}://", "give one of them a port of its own");
            else
                urls.Add(text.TrimEnd('/'));
            if (Uri.TryCreate(text, UriKind.Absolute, out var url) && !url.IsLoopback)
                problems.Warn(element.Line, $"gateway.listen: {text} can be reached from other machines", "write 127.0.0.1 if that is not meant");
        }

        return urls.ToImmutable();
    }

    private static string? Wrong(string text)
    {
        if (text.All(char.IsAsciiDigit) || text.StartsWith(':'))
            return $"write \"http://127.0.0.1:{text.TrimStart(':')}\"";
        if (!text.Contains("://", StringComparison.Ordinal))
            return $"write \"http://{text}\"";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url))
            return $"write it like \"{DefaultListen}\"";
        if (url.Scheme == Uri.UriSchemeHttps)
            return "TLS at the gateway is not there yet; write http://";
        if (url.Scheme != Uri.UriSchemeHttp && url.Scheme != GatewaySpec.Http2Scheme)
            return $"write http://, or {GatewaySpec.Http2Scheme}:// for HTTP/2 without TLS";
        if (url.Port < 0)
            return $"write the port, as in {text.TrimEnd('/')}:8081";
        if (url.PathAndQuery.Trim('/').Length > 0)
            return "a path belongs into gateway.routes";
        return url.Host != "localhost" && !IPAddress.TryParse(url.Host.Trim('[', ']'), out _)
            ? "write an IP address of this machine, or localhost"
            : null;
    }

    private static string Address(string url) => url[(url.IndexOf("://", StringComparison.Ordinal) + 3)..];

    private static ImmutableArray<RouteSpec> Routes(Fields fields, IReadOnlyList<string> services, Problems problems)
    {
        if (fields.Mapping("routes") is not { } routes)
        {
            // With one service there is nothing to choose.
            if (services.Count == 1)
                return [new RouteSpec(null, "/", services[0])];
            problems.Add(fields.Line, "gateway has no routes", "write routes: { \"/\": name-of-a-service }");
            return [];
        }

        var result = ImmutableArray.CreateBuilder<RouteSpec>();
        foreach (var (key, line, value) in routes.Entries)
        {
            if (Fields.AsText(value, $"gateway.routes.{key}", problems) is not { } service)
                continue;
            if (!services.Contains(service, StringComparer.Ordinal))
            {
                var remedy = Spelling.Nearest(service, services) is { } near ? $"did you mean '{near}'?" : $"there are: {string.Join(", ", services)}";
                problems.Add(line, $"gateway.routes: '{key}' goes to '{service}', which is no service of this file", remedy);
            }

            if (Split(key) is { } route)
                result.Add(new RouteSpec(route.Host, route.Path, service));
            else
                problems.Add(line, $"gateway.routes: '{key}' is neither a path nor a host", "write \"/path\", \"shop.example\" or \"shop.example/path\"");
        }

        return result.ToImmutable();
    }

    private static (string? Host, string Path)? Split(string key)
    {
        var slash = key.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? key : key[..slash];
        var path = slash < 0 ? "/" : key[slash..];
        if (path.Any(c => char.IsWhiteSpace(c) || c is '?' or '#' or '{' or '*'))
            return null;
        if (host.Length == 0)
            return key.Length == 0 ? null : (null, Normal(path));
        return host.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.') ? (host.ToLowerInvariant(), Normal(path)) : null;
    }

    private static string Normal(string path) => path.Length > 1 ? path.TrimEnd('/') : path;
}

using System.Collections.Frozen;
using Microsoft.AspNetCore.Http;

namespace Conclave.Orchestration.Gateway;

/// <summary>Finds the pool of a request: the routes of its host before those of any host, in each the longest prefix.</summary>
internal sealed class RouteTable
{
    public static RouteTable Empty { get; } = new([]);

    private readonly FrozenDictionary<string, Entry[]> _byHost;
    private readonly Entry[] _anyHost;

    public RouteTable(IEnumerable<(GatewayRoute Route, ServicePool Pool)> routes)
    {
        var all = routes.ToList();
        _anyHost = LongestFirst(all.Where(r => r.Route.Host is null));
        _byHost = all.Where(r => r.Route.Host is not null)
            .GroupBy(r => r.Route.Host!, StringComparer.OrdinalIgnoreCase)
            .ToFrozenDictionary(g => g.Key, LongestFirst, StringComparer.OrdinalIgnoreCase);
    }

    public ServicePool? Match(HostString host, string path)
    {
        if (_byHost.Count > 0 && host.HasValue && _byHost.TryGetValue(host.Host, out var entries) && Match(entries, path) is { } pool) return pool;
        return Match(_anyHost, path);
    }

    private static ServicePool? Match(Entry[] entries, string path)
    {
        foreach (var entry in entries)
            if (entry.Covers(path)) return entry.Pool;
        return null;
    }

    private static Entry[] LongestFirst(IEnumerable<(GatewayRoute Route, ServicePool Pool)> routes) =>
        [.. routes.Select(r => new Entry(r.Route.PathPrefix.TrimEnd('/'), r.Pool)).OrderByDescending(e => e.Prefix.Length)];

    /// <param name="Prefix">Without a slash at its end, so that "/" is the empty prefix.</param>
    /// <param name="Pool">Where it leads.</param>
    private sealed record Entry(string Prefix, ServicePool Pool)
    {
        public bool Covers(string path) =>
            path.StartsWith(Prefix, StringComparison.Ordinal) && (path.Length == Prefix.Length || Prefix.Length == 0 || path[Prefix.Length] == '/');
    }
}

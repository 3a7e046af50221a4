using System.Text.RegularExpressions;

namespace Conclave.Tidy.Tests.Rules;

/// <summary>
/// Inside a project the arrows between namespaces go one way. Judged by <c>using</c> directives; a namespace's use of its parent needs none and is not seen.
/// </summary>
internal static partial class NamespaceCycles
{
    public static IEnumerable<string> Violations(SourceTree tree)
    {
        foreach (var project in tree.Under("src/", ".csproj").Select(path => path[..(path.LastIndexOf('/') + 1)]))
        {
            var uses = new SortedDictionary<string, SortedSet<string>>(StringComparer.Ordinal);
            foreach (var file in tree.Under(project, ".cs").Select(path => tree[path]))
            {
                var own = Declaration().Match(file).Groups[1].Value;
                if (own.Length == 0)
                    continue;
                if (!uses.TryGetValue(own, out var used))
                    uses[own] = used = new SortedSet<string>(StringComparer.Ordinal);
                used.UnionWith(Using().Matches(file).Select(match => match.Groups[1].Value));
            }

            foreach (var start in uses.Keys)
            {
                // Each cycle is told once, from its first name.
                if (Path(uses, start, start, []) is { } cycle && cycle.Min(StringComparer.Ordinal) == start)
                    yield return $"{project}: {string.Join(" -> ", cycle)} -> {start}";
            }
        }
    }

    private static List<string>? Path(SortedDictionary<string, SortedSet<string>> uses, string at, string target, HashSet<string> visited)
    {
        foreach (var next in uses[at].Where(uses.ContainsKey))
        {
            if (next == target && at != target)
                return [at];
            if (next != target && visited.Add(next) && Path(uses, next, target, visited) is { } rest)
                return [at, .. rest];
        }

        return null;
    }

    [GeneratedRegex(@"^namespace ([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex Declaration();

    [GeneratedRegex(@"^using (?:static )?(?:\w+ = )?([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Using();
}

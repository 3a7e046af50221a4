using System.Text.RegularExpressions;

namespace Conclave.Tidy.Tests.Rules;

/// <summary>A link inside the repository leads somewhere, to the heading too if it names one.</summary>
internal static partial class MarkdownLinks
{
    public static IEnumerable<string> Violations(SourceTree tree)
    {
        foreach (var path in tree.Under("", ".md"))
        {
            foreach (var target in Link().Matches(WithoutCode(tree[path])).Select(match => match.Groups[1].Value))
            {
                if (External().IsMatch(target))
                    continue;
                var (file, heading) = target.Split('#', 2) is [var before, var after] ? (before, after) : (target, "");
                var resolved = file.Length == 0 ? path : Resolve(path, file);
                if (resolved is null || (!tree.Has(resolved) && !tree.HasDirectory(resolved)))
                    yield return $"{path}: the link {target} leads nowhere";
                else if (heading.Length > 0 && resolved.EndsWith(".md", StringComparison.Ordinal) && !Anchors(tree[resolved]).Contains(heading))
                    yield return $"{path}: the link {target} names no heading of {resolved}";
            }
        }
    }

    // Null when the link leaves the repository.
    private static string? Resolve(string from, string link)
    {
        var parts = link.StartsWith('/') ? [] : from.Split('/')[..^1].ToList();
        foreach (var part in link.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part == "..")
            {
                if (parts.Count == 0)
                    return null;
                parts.RemoveAt(parts.Count - 1);
            }
            else if (part != ".")
            {
                parts.Add(part);
            }
        }

        return string.Join('/', parts);
    }

    // GitHub's rule: lower case, spaces to hyphens, punctuation dropped.
    private static HashSet<string> Anchors(string markdown) =>
        [.. Heading().Matches(WithoutCode(markdown)).Select(match => Punctuation().Replace(match.Groups[1].Value.Trim().ToLowerInvariant(), "").Replace(' ', '-'))];

    private static string WithoutCode(string markdown) => InlineCode().Replace(Fence().Replace(markdown, ""), match => match.Groups[1].Value.Replace('[', ' '));

    [GeneratedRegex(@"\[[^\]]*\]\(\s*<?([^)\s>]+)>?[^)]*\)")]
    private static partial Regex Link();

    [GeneratedRegex("^[a-z][a-z0-9+.-]*:", RegexOptions.IgnoreCase)]
    private static partial Regex External();

    [GeneratedRegex(@"^#{1,6}[ \t]+(.+?)\r?$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex Punctuation();

    [GeneratedRegex(@"^[ \t]*```.*?^[ \t]*```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();

    [GeneratedRegex("`([^`\n]*)`")]
    private static partial Regex InlineCode();
}

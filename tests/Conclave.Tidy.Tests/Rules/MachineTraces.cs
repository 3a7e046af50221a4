using System.Text.RegularExpressions;

namespace Conclave.Tidy.Tests.Rules;

/// <summary>Nothing tracked names the machine it was made on: no home or work directory, no package source but the public ones.</summary>
internal static partial class MachineTraces
{
    public static IEnumerable<string> Violations(SourceTree tree) =>
        from path in tree.Paths
        from Match trace in HomePath().Matches(tree[path]).Concat(Registry().Matches(tree[path]))
        select $"{path}: names this machine: {trace.Value}";

    [GeneratedRegex(@"(?<![\w./~-])/(?:root|work|home/[a-z][\w-]*|Users/\w+)/[\w.]|[A-Z]:\\Users\\")]
    private static partial Regex HomePath();

    // Any host that looks like a package source, or an address in a private network with a package source's path.
    [GeneratedRegex(@"https?://(?!api\.nuget\.org\b|www\.nuget\.org\b|registry\.npmjs\.org\b|proxy\.golang\.org\b|pypi\.org\b)(?:[\w.-]*(?:nuget|registry|artifactory|nexus|pypi|npm|goproxy)[\w.-]*|[^\s/""'<>]+/(?:[\w/-]*/)?(?:v3/index\.json|simple/))[^\s""'<>]*")]
    private static partial Regex Registry();
}

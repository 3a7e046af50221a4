using System.Xml.Linq;

namespace Conclave.Tidy.Tests.Rules;

/// <summary>Every project is in the solution, and every project in <c>src</c> has its tests.</summary>
internal static class Houses
{
    public static IEnumerable<string> Violations(SourceTree tree)
    {
        var solution = XDocument.Parse(tree["Conclave.slnx"]).Descendants("Project").Select(project => project.Attribute("Path")!.Value).ToHashSet(StringComparer.Ordinal);
        foreach (var path in tree.Under("", ".csproj").Where(path => !solution.Contains(path)))
            yield return $"{path}: not in Conclave.slnx";
        foreach (var path in solution.Where(path => !tree.Has(path)))
            yield return $"Conclave.slnx: {path} does not exist";

        foreach (var path in tree.Under("src/", ".csproj"))
        {
            var name = Path.GetFileNameWithoutExtension(path);
            var mirror = $"tests/{name}.Tests/{name}.Tests.csproj";
            if (!tree.Has(mirror))
                yield return $"{path}: has no {mirror}";
            else if (!tree[mirror].Contains($"src/{name}/{name}.csproj", StringComparison.Ordinal))
                yield return $"{mirror}: does not reference {path}";
        }
    }
}

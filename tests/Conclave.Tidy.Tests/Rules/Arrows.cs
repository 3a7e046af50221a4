using System.Xml.Linq;

namespace Conclave.Tidy.Tests.Rules;

/// <summary>The map of the house as a table: which project may know which, and which packages each may use. A new arrow or package is a decision, and is made here.</summary>
internal static class Arrows
{
    private static readonly Dictionary<string, Allowed> Map = new(StringComparer.Ordinal)
    {
        ["Conclave.Consensus"] = new(0, [], []),
        ["Conclave.Wire"] = new(0, [], ["Google.Protobuf", "Grpc.Tools"]),
        ["Conclave"] = new(0, [], ["Microsoft.Extensions.Diagnostics.HealthChecks", "Microsoft.Extensions.Hosting.Abstractions", "Microsoft.Extensions.Logging.Abstractions"]),
        ["Conclave.AspNetCore"] = new(1, ["Conclave"], []),
        ["Conclave.Testing"] = new(1, ["Conclave"], []),
        ["Conclave.Store"] = new(1, ["Conclave.Consensus"], []),
        ["Conclave.Runtime"] = new(2, ["Conclave.Store", "Conclave.Wire"], ["Microsoft.Extensions.Logging.Abstractions"]),
        ["Conclave.Server"] = new(3, ["Conclave.Runtime"], []),
        ["Conclave.Simulation"] = new(3, ["Conclave.Store", "Conclave"], []),
        ["Conclave.Orchestration"] = new(3, ["Conclave", "Conclave.Wire"], ["Yarp.ReverseProxy", "YamlDotNet"]),
        ["Conclave.Etcd"] = new(3, ["Conclave", "Conclave.Wire"], []),
        ["Conclave.Peers"] = new(3, ["Conclave", "Conclave.Runtime"], []),
        ["Conclave.ZooKeeper"] = new(3, ["Conclave"], []),
        ["Conclave.Kubernetes"] = new(3, ["Conclave"], []),
        ["Conclave.Cli"] = new(4, ["Conclave.Server", "Conclave.Simulation", "Conclave.Orchestration", "Conclave.Etcd", "Conclave.ZooKeeper", "Conclave.Kubernetes"], ["System.CommandLine", "Spectre.Console"]),
    };

    /// <summary>The algorithms and the store decide and do not act, so they have no package, no framework and no banned symbol.</summary>
    private static readonly string[] Pure = ["Conclave.Consensus", "Conclave.Store"];

    private const string PureBans = "src/BannedSymbols.Pure.txt";

    public static IEnumerable<string> Violations(SourceTree tree)
    {
        foreach (var path in tree.Under("src/", ".csproj"))
        {
            var name = Path.GetFileNameWithoutExtension(path);
            var project = XDocument.Parse(tree[path]);
            if (!Map.TryGetValue(name, out var allowed))
            {
                yield return $"{path}: not on the map; say in {nameof(Arrows)} on which floor it stands";
                continue;
            }

            foreach (var reference in Included(project, "ProjectReference", IsLinked).Select(file => Path.GetFileNameWithoutExtension(file)))
            {
                if (!allowed.Projects.Contains(reference))
                    yield return $"{path}: references {reference}; allowed: {Listed(allowed.Projects)}";
                else if (Map[reference].Floor >= allowed.Floor)
                    yield return $"{path}: references {reference}, which is on no lower floor";
            }

            foreach (var package in Included(project, "PackageReference").Where(package => !allowed.Packages.Contains(package)))
                yield return $"{path}: uses the package {package}; allowed: {Listed(allowed.Packages)}";

            if (Pure.Contains(name))
            {
                foreach (var framework in Included(project, "FrameworkReference"))
                    yield return $"{path}: pure code uses the framework {framework}";
                if (!Included(project, "AdditionalFiles").Any(file => file.EndsWith("BannedSymbols.Pure.txt", StringComparison.Ordinal)) || !tree.Has(PureBans))
                    yield return $"{path}: pure code without {PureBans} among its AdditionalFiles";
            }
        }
    }

    // A reference that only orders the build gives no access to anything, so it is no arrow.
    private static bool IsLinked(XElement reference) => !string.Equals(reference.Attribute("ReferenceOutputAssembly")?.Value, "false", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<string> Included(XDocument project, string item, Func<XElement, bool>? counts = null) =>
        project.Descendants(item).Where(counts ?? (_ => true)).Select(element => element.Attribute("Include")?.Value.Replace('\\', '/')).OfType<string>();

    private static string Listed(string[] names) => names.Length == 0 ? "none" : string.Join(", ", names);

    private sealed record Allowed(int Floor, string[] Projects, string[] Packages);
}

using System.Collections.Immutable;
using Conclave.Orchestration.Model.Yaml;

namespace Conclave.Orchestration.Model;

/// <summary>A file that cannot be used: one line per problem, each with file, line and remedy. Exit code <see cref="ExitCode.Usage"/>.</summary>
/// <param name="problems">At least one line.</param>
public sealed class ClusterFileException(IReadOnlyList<string> problems) : ConclaveException(string.Join('\n', problems), Orchestration.ExitCode.Usage)
{
    /// <summary>Such as <c>conclave.yaml:12: unknown key 'services.web.comand'; did you mean 'command'?</c>, in the order of the file.</summary>
    public IReadOnlyList<string> Problems { get; } = problems;
}

/// <summary>A file that can be used.</summary>
/// <param name="Spec">With every default filled in.</param>
/// <param name="Warnings">What works and may not be meant; same form as problems.</param>
public sealed record LoadedClusterFile(ClusterSpec Spec, ImmutableArray<string> Warnings);

/// <summary>Reads <c>conclave.yaml</c>.</summary>
public static class ClusterFile
{
    /// <summary>The name that is looked for in the working directory.</summary>
    public const string DefaultName = "conclave.yaml";

    /// <summary>Where the data is when the file does not say.</summary>
    public const string DefaultData = ".conclave";

    // A file larger than this is something else.
    private const int BytesMax = 1 << 20;

    private static readonly Dictionary<string, string> Foreign = new(StringComparer.Ordinal)
    {
        ["store"] = "it belongs under cluster:",
        ["nodes"] = "it belongs under cluster:",
        ["data"] = "it belongs under cluster:",
        ["election"] = "it belongs under cluster:",
        ["listen"] = "it belongs under gateway:",
        ["routes"] = "it belongs under gateway:",
        ["version"] = "no version is needed; remove the key",
        ["networks"] = "instances share the host's network; remove the key",
        ["volumes"] = "instances share the host's files; remove the key",
    };

    /// <summary>Reads and checks a file and the files it names.</summary>
    /// <param name="path">Relative paths in the file are relative to its directory.</param>
    /// <param name="shown">How messages name it; null: as <paramref name="path"/>.</param>
    /// <exception cref="ClusterFileException">With every problem that was found.</exception>
    /// <exception cref="ConclaveException">The file is not there or cannot be read.</exception>
    public static LoadedClusterFile Load(string path, string? shown = null) =>
        Parse(ReadText(path), Path.GetFullPath(path), shown ?? path);

    /// <summary>The same for text that is already there.</summary>
    /// <param name="content">YAML.</param>
    /// <param name="path">Absolute path the text stands for; need not exist.</param>
    /// <param name="shown">How messages name it.</param>
    public static LoadedClusterFile Parse(string content, string path, string shown)
    {
        var problems = new Problems();
        var spec = YamlTree.Parse(content, problems) switch
        {
            YamlItem.Mapping root => Read(new Fields(root, "", problems), Path.GetDirectoryName(path)!, problems),
            null or YamlItem.Text { IsNull: true } when !problems.Any => Empty(problems),
            { } other => NotAMapping(other, problems),
            null => null,
        };
        if (spec is null || problems.Any)
            throw new ClusterFileException(problems.Errors(shown));
        return new LoadedClusterFile(spec with { FileHash = ContentHash.Of(spec) }, [.. problems.Warnings(shown)]);
    }

    /// <summary>The data directory that a file names, read without checking the rest, so that <c>status</c> and <c>down</c> work while somebody
    /// edits it. Absolute.</summary>
    public static string DataDirectory(string path)
    {
        var root = Path.GetDirectoryName(Path.GetFullPath(path))!;
        var ignored = new Problems();
        var data = YamlTree.Parse(ReadText(path), ignored) is YamlItem.Mapping file
            ? new Fields(file, "", ignored).Mapping("cluster")?.Text("data")
            : null;
        return Path.GetFullPath(Path.Combine(root, data ?? DefaultData));
    }

    internal static bool IsName(string name) =>
        name.Length is > 0 and <= 40 && name[0] != '-' && name[^1] != '-'
        && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-');

    private static string ReadText(string path)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > BytesMax })
                throw new ConclaveException($"{path} has more than {BytesMax >> 20} MiB; is it the right file?", ExitCode.Usage);
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConclaveException($"there is no file {path}; 'conclave init' writes one", ExitCode.Usage, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConclaveException($"cannot read {path}: {e.Message}; check its permissions", ExitCode.Usage, e);
        }
    }

    private static ClusterSpec? Empty(Problems problems)
    {
        problems.Add(1, "the file is empty", "'conclave init' writes one to begin with");
        return null;
    }

    private static ClusterSpec? NotAMapping(YamlItem item, Problems problems)
    {
        if (!problems.Any)
            problems.Add(item.Line, $"the file is {item.Kind}", "it begins with keys such as name: and services:");
        return null;
    }

    private static ClusterSpec Read(Fields root, string directory, Problems problems)
    {
        var name = Name(root, directory);
        var cluster = root.Mapping("cluster") ?? new Fields(null, "cluster", problems);
        var etcd = Etcd(cluster, problems);
        var spec = new ClusterSpec
        {
            Name = name,
            Nodes = Nodes(cluster, problems),
            DataDirectory = Path.GetFullPath(Path.Combine(directory, cluster.Text("data") ?? DefaultData)),
            EtcdEndpoints = etcd,
            Election = Election(cluster, etcd, problems),
            Services = Services(root, directory, problems),
        };
        cluster.Finish();
        var names = root.Mapping("services")?.Entries.Select(entry => entry.Key).ToList() ?? [];
        var gateway = GatewayReader.Read(root.Mapping("gateway"), names, problems);
        root.Finish(Foreign);
        return spec with { Gateway = gateway };
    }

    private static string Name(Fields root, string directory)
    {
        if (root.Text("name") is { } name)
        {
            if (!IsName(name))
                root.Problems.Add(root.LineOf("name"), $"'{name}' cannot name a cluster", "use up to 40 lower-case letters, digits and dashes");
            return name;
        }

        return NameOf(directory);
    }

    /// <summary>The name of a cluster whose file gives none: as in Compose its directory's, reduced to what is allowed.</summary>
    public static string NameOf(string directory)
    {
        var letters = new DirectoryInfo(directory).Name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-');
        var reduced = string.Concat(letters.Take(40)).Trim('-');
        return reduced.Length == 0 ? "conclave" : reduced;
    }

    private static int Nodes(Fields cluster, Problems problems)
    {
        var nodes = cluster.Int("nodes", 1, 9) ?? 3;
        if (nodes == 1)
            problems.Warn(cluster.LineOf("nodes"), "one node is not fault-tolerant", "3 nodes survive the loss of one");
        else if (nodes % 2 == 0)
            problems.Warn(cluster.LineOf("nodes"), $"{nodes} nodes survive no more losses than {nodes - 1}", $"write {nodes - 1} or {nodes + 1}");
        return nodes;
    }

    private static ImmutableArray<string> Etcd(Fields cluster, Problems problems)
    {
        if (cluster.Mapping("store") is not { } store)
            return [];
        var endpoints = store.Texts("etcd") ?? [];
        store.Finish();
        var line = store.LineOf("etcd");
        if (endpoints.IsEmpty && !problems.Any)
            problems.Add(line, "cluster.store names no etcd", "write store: { etcd: [\"http://127.0.0.1:2379\"] } or remove it");
        foreach (var endpoint in endpoints)
        {
            if (!Uri.TryCreate(endpoint, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "unix"))
            {
                var remedy = url?.Scheme == Uri.UriSchemeHttps ? "TLS to etcd is not there yet; write http://" : "write it like \"http://127.0.0.1:2379\"";
                problems.Add(line, $"cluster.store.etcd: '{endpoint}' is not an endpoint", remedy);
            }
        }

        return endpoints;
    }

    private static ElectionKind Election(Fields cluster, ImmutableArray<string> etcd, Problems problems)
    {
        var natural = etcd.IsEmpty ? ElectionKind.Raft : ElectionKind.Etcd;
        switch (cluster.Text("election"))
        {
            case null:
                return natural;
            case "raft" when etcd.IsEmpty:
                return ElectionKind.Raft;
            case "raft":
                problems.Add(cluster.LineOf("election"), "cluster.election is raft and the store is an etcd of its own", "write election: etcd, or remove the key");
                return natural;
            case "etcd":
                return ElectionKind.Etcd;
            case var other:
                problems.Add(cluster.LineOf("election"), $"cluster.election is '{other}'", "write raft or etcd");
                return natural;
        }
    }

    private static ImmutableArray<ServiceSpec> Services(Fields root, string directory, Problems problems)
    {
        var services = root.Mapping("services");
        if (services is null || !services.Entries.Any())
        {
            if (!problems.Any)
                problems.Add(root.LineOf("services"), "there are no services", "write services: { web: { command: [...] } }");
            return [];
        }

        var reader = new ServiceReader(directory, problems);
        return [.. services.Entries.Select(reader.Read).OfType<ServiceSpec>().OrderBy(service => service.Name, StringComparer.Ordinal)];
    }
}

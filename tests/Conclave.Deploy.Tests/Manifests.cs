using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Conclave.Deploy.Tests;

/// <summary>The objects that an overlay renders to, as the API server would get them.</summary>
internal sealed class Manifests(IEnumerable<JsonObject> objects)
{
    public static readonly string[] Overlays =
        [.. Directory.EnumerateDirectories(Path.Combine(Tools.Kubernetes, "overlays")).Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal)];

    public IReadOnlyList<JsonObject> Objects { get; } = [.. objects];

    /// <summary>A folder of deploy/kubernetes, rendered by kubectl's kustomize, which refuses a field of kustomization.yaml that it does not know.</summary>
    public static async Task<Manifests> RenderAsync(string folder) =>
        Parse((await Command.RunAsync(Tools.Kubectl!, ["kustomize", Path.Combine(Tools.Kubernetes, folder)])).Succeeded());

    public static Manifests Parse(string yaml)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml));
        return new Manifests(stream.Documents.Select(document => (JsonObject)Json(document.RootNode)!));
    }

    public IEnumerable<JsonObject> Of(string kind) => Objects.Where(candidate => candidate.Text("kind") == kind);

    public JsonObject The(string kind, string name) => Of(kind).Single(candidate => candidate.Text("metadata/name") == name);

    /// <summary>What makes pods.</summary>
    public IEnumerable<JsonObject> Workloads => Of("Deployment").Concat(Of("StatefulSet"));

    /// <summary>A copy to plant a bug in.</summary>
    public Manifests With(Action<Manifests> bug)
    {
        var copy = new Manifests(Objects.Select(each => (JsonObject)each.DeepClone()));
        bug(copy);
        return copy;
    }

    private static JsonNode? Json(YamlNode node) => node switch
    {
        YamlMappingNode mapping => new JsonObject(mapping.Children.Select(pair => KeyValuePair.Create(((YamlScalarNode)pair.Key).Value!, Json(pair.Value)))),
        YamlSequenceNode sequence => new JsonArray([.. sequence.Children.Select(Json)]),
        YamlScalarNode { Style: ScalarStyle.Plain } plain => Plain(plain.Value!),
        YamlScalarNode quoted => JsonValue.Create(quoted.Value),
        _ => throw new InvalidDataException($"{node.Start}: what is that?"),
    };

    private static JsonValue? Plain(string text) => text switch
    {
        "" or "null" or "~" => null,
        "true" => JsonValue.Create(true),
        "false" => JsonValue.Create(false),
        _ when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole) => JsonValue.Create(whole),
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) => JsonValue.Create(real),
        _ => JsonValue.Create(text),
    };
}

/// <summary>Paths into JSON: <c>spec/template/spec/containers/0</c>.</summary>
internal static class JsonPaths
{
    public static JsonNode? At(this JsonNode? node, string path)
    {
        foreach (var step in path.Split('/'))
        {
            node = node switch
            {
                JsonObject map => map[step],
                JsonArray list when int.TryParse(step, CultureInfo.InvariantCulture, out var index) && index < list.Count => list[index],
                _ => null,
            };
        }

        return node;
    }

    public static string? Text(this JsonNode? node, string path) => node.At(path)?.ToString();

    public static IEnumerable<JsonNode> List(this JsonNode? node, string path) => (node.At(path) as JsonArray)?.OfType<JsonNode>() ?? [];

    /// <summary>A map of strings, such as labels.</summary>
    public static Dictionary<string, string> Map(this JsonNode? node, string path) =>
        (node.At(path) as JsonObject)?.ToDictionary(pair => pair.Key, pair => pair.Value!.ToString(), StringComparer.Ordinal) ?? [];
}

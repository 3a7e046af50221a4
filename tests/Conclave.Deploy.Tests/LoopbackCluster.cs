using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Conclave.Deploy.Tests;

/// <summary>
/// The pods of an overlay as processes of this machine. Each pod's port becomes a port of its own on loopback, each name of the cluster's DNS the address it stands for, each volume a folder that outlives
/// its pod's processes. Everything else is the manifest's.
/// </summary>
internal sealed partial class LoopbackCluster : IAsyncDisposable
{
    private readonly Manifests _manifests;
    private readonly Image _image;
    private readonly DirectoryInfo _disks = Directory.CreateTempSubdirectory("conclave-pods-");
    private readonly Dictionary<(string Pod, string Port), int> _ports = [];
    private readonly Dictionary<string, ServiceRelay> _services = new(StringComparer.Ordinal);
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(15) };

    public LoopbackCluster(Manifests manifests, Image image)
    {
        (_manifests, _image) = (manifests, image);

        // A member must know the others' ports before they run, so they are reserved all at once and given back for the pods to take.
        var reserved = new List<TcpListener>();
        foreach (var set in manifests.Of("StatefulSet"))
        {
            foreach (var pod in NamesOf(set))
            {
                foreach (var port in set.List("spec/template/spec/containers/0/ports"))
                {
                    var listener = Reserve();
                    reserved.Add(listener);
                    _ports[(pod, port.Text("containerPort")!)] = ((IPEndPoint)listener.LocalEndpoint).Port;
                }
            }
        }

        foreach (var listener in reserved)
            listener.Dispose();
        foreach (var service in manifests.Of("Service").Where(service => service.Text("spec/clusterIP") != "None"))
        {
            var port = service.At("spec/ports/0")!;
            var behind = manifests.Of("StatefulSet").Single(set => service.Map("spec/selector").All(label => set.Map("spec/template/metadata/labels").GetValueOrDefault(label.Key) == label.Value));
            var target = CrossChecks.PortOf(behind.At("spec/template/spec/containers/0")!, port.Text("targetPort"))!;
            var relay = new ServiceRelay([.. NamesOf(behind).Select(pod => _ports[(pod, target)])]);
            relay.Start();
            _services.Add($"{service.Text("metadata/name")}:{port.Text("port")}", relay);
        }
    }

    public Dictionary<string, Pod> Pods { get; } = new(StringComparer.Ordinal);

    public static IEnumerable<string> NamesOf(JsonObject workload) =>
        Enumerable.Range(0, int.Parse(workload.Text("spec/replicas")!, CultureInfo.InvariantCulture)).Select(ordinal => $"{workload.Text("metadata/name")}-{ordinal}");

    /// <summary>Starts a pod of a workload, or starts it again after it ended; with what Kubernetes adds to its environment unasked.</summary>
    public async Task StartAsync(JsonObject workload, string pod, IReadOnlyDictionary<string, string>? added = null)
    {
        if (Pods.Remove(pod, out var former))
            former.Dispose();
        var container = workload.At("spec/template/spec/containers/0")!;
        var described = ContainerWords.Environment(container, pod, workload.Text("metadata/namespace")!);
        var environment = described.ToDictionary(variable => variable.Key, variable => Here(variable.Value, pod, container), StringComparer.Ordinal);
        string[] words = [.. container.List("command").Concat(container.List("args")).Select(word => Here(ContainerWords.Fill(word.ToString(), described), pod, container))];
        var program = Path.GetFileName(words[0]) == "etcd" ? Tools.Etcd! : await _image.ProgramAsync(words[0]);

        foreach (var (variable, value) in added ?? new Dictionary<string, string>())
            environment[variable] = value;

        // What the image sets; the SDK's runtime stands for the image's.
        environment["PATH"] = "/usr/bin:/bin";
        environment["DOTNET_ROOT"] = Path.GetDirectoryName(Environment.ProcessPath)!;
        Pods.Add(pod, new Pod(pod, program, words[1..], environment, _disks.FullName));
    }

    /// <summary>The status that a probe of the pod gets; null where nothing answers.</summary>
    public async Task<HttpStatusCode?> ProbeAsync(JsonObject workload, string pod, string probe)
    {
        var container = workload.At("spec/template/spec/containers/0")!;
        var described = container.At($"{probe}/httpGet")!;
        var port = _ports[(pod, CrossChecks.PortOf(container, described.Text("port"))!)];
        try
        {
            using var answer = await _http.GetAsync(new Uri($"http://127.0.0.1:{port}{described.Text("path")}"));
            return answer.StatusCode;
        }
        catch (Exception fault) when (fault is HttpRequestException or TaskCanceledException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var pod in Pods.Values)
            pod.Dispose();
        foreach (var service in _services.Values)
            await service.DisposeAsync();
        _http.Dispose();
        _disks.Delete(recursive: true);
    }

    // Below those that the system gives to clients, so that no connection takes a pod's port before the pod does, or while it is away.
    private static TcpListener Reserve()
    {
        while (true)
        {
            var listener = new TcpListener(IPAddress.Loopback, Random.Shared.Next(12_000, 32_000));
            try
            {
                listener.Start();
                return listener;
            }
            catch (SocketException)
            {
                listener.Dispose(); // somebody has it
            }
        }
    }

    /// <summary>The same words on this machine: addresses and mounted paths replaced.</summary>
    private string Here(string text, string pod, JsonNode container)
    {
        foreach (var mount in container.List("volumeMounts"))
            text = text.Replace(mount.Text("mountPath") + "/", Directory.CreateDirectory(Path.Combine(_disks.FullName, $"{mount.Text("name")}-{pod}")).FullName + "/", StringComparison.Ordinal);
        return Address().Replace(text, match => $"http://127.0.0.1:{PortOf(match.Groups["host"].Value, match.Groups["port"].Value, pod)}");
    }

    private int PortOf(string host, string port, string self)
    {
        if (host == "0.0.0.0")
            return _ports[(self, port)];
        if (_services.TryGetValue($"{host}:{port}", out var service))
            return service.Port;

        // pod.headless-service.namespace.svc, and the port as it is: a headless Service maps none.
        if (host.Split('.') is [var pod, var domain, var space, "svc"]
            && _manifests.Of("StatefulSet").Any(set => set.Text("spec/serviceName") == domain && set.Text("metadata/namespace") == space && NamesOf(set).Contains(pod)))
            return _ports[(pod, port)];
        throw new InvalidOperationException($"The cluster's DNS would not know {host}:{port}.");
    }

    [GeneratedRegex(@"http://(?<host>[\w.-]+):(?<port>\d+)")]
    private static partial Regex Address();
}

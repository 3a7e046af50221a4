using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Conclave.Deploy.Tests;

/// <summary>What no schema sees: that the objects fit each other. Pure, so that a planted bug can be shown to it.</summary>
internal static partial class CrossChecks
{
    public static IEnumerable<string> Complaints(Manifests manifests) =>
    [
        .. manifests.Workloads.SelectMany(workload => OfWorkload(manifests, workload)),
        .. manifests.Of("Service").SelectMany(service => OfService(manifests, service)),
        .. manifests.Of("StatefulSet").SelectMany(set => OfStatefulSet(manifests, set)),
        .. manifests.Of("PodDisruptionBudget").SelectMany(budget => OfBudget(manifests, budget)),
        .. manifests.Of("RoleBinding").SelectMany(binding => OfBinding(manifests, binding)),
        .. manifests.Objects.SelectMany(OfNamespace),
    ];

    private static IEnumerable<string> OfWorkload(Manifests manifests, JsonObject workload)
    {
        var name = workload.Text("metadata/name");
        var labels = workload.Map("spec/template/metadata/labels");
        var pod = workload.At("spec/template/spec");
        if (!NetworkPaths.Selects(workload.At("spec/selector")!, labels))
            yield return $"{name}: its selector does not match its own pods";
        if (!manifests.Of("ServiceAccount").Any(account => account.Text("metadata/name") == pod.Text("serviceAccountName")))
            yield return $"{name}: there is no ServiceAccount {pod.Text("serviceAccountName")}";
        if (pod.Text("securityContext/runAsNonRoot") != "true" || pod.Text("securityContext/runAsUser") is null or "0")
            yield return $"{name}: may run as root";
        if (pod.Text("securityContext/seccompProfile/type") != "RuntimeDefault")
            yield return $"{name}: runs without a seccomp profile";
        if (!pod.List("affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution").Any(term => NetworkPaths.Selects(term.At("podAffinityTerm/labelSelector")!, labels)))
            yield return $"{name}: its anti-affinity does not name its own pods";
        foreach (var container in pod.List("containers"))
        {
            foreach (var complaint in OfContainer(manifests, workload, container))
                yield return $"{name}: {complaint}";
        }
    }

    private static IEnumerable<string> OfContainer(Manifests manifests, JsonObject workload, JsonNode container)
    {
        if (container.Text("securityContext/allowPrivilegeEscalation") != "false" || container.Text("securityContext/readOnlyRootFilesystem") != "true" || container.Text("securityContext/capabilities/drop/0") != "ALL")
            yield return "may gain privileges, write its image or keep capabilities";
        if (container.Text("resources/requests/cpu") is null || container.Text("resources/requests/memory") is null || container.Text("resources/limits/memory") is null)
            yield return "requests or limits are missing";
        if (!TaggedImage().IsMatch(container.Text("image")!))
            yield return $"the image {container.Text("image")} has no version";

        foreach (var probe in new[] { "startupProbe", "livenessProbe", "readinessProbe" })
        {
            if (container.At(probe) is { } described && PortOf(container, described.Text("httpGet/port")) is null)
                yield return $"{probe} asks at port {described.Text("httpGet/port")}, which the container does not have";
        }

        var claims = workload.List("spec/volumeClaimTemplates").Select(claim => claim.Text("metadata/name"));
        var volumes = workload.List("spec/template/spec/volumes").Select(volume => volume.Text("name")).Concat(claims).ToHashSet();
        foreach (var mount in container.List("volumeMounts").Where(mount => !volumes.Contains(mount.Text("name"))))
            yield return $"mounts {mount.Text("name")}, which is no volume";

        var variables = container.List("env").Select(variable => variable.Text("name")!).ToHashSet(StringComparer.Ordinal);
        foreach (var argument in container.List("args").Concat(container.List("command")).Select(argument => argument.ToString()))
        {
            foreach (var variable in Reference().Matches(argument).Select(match => match.Groups[1].Value).Where(variable => !variables.Contains(variable)))
                yield return $"{argument} refers to {variable}, which is not in its environment";
        }

        // An address of a Service, in whatever variable.
        foreach (var variable in container.List("env").Where(variable => variable.Text("value")?.StartsWith("http://", StringComparison.Ordinal) is true))
        {
            var url = new Uri(variable.Text("value")!);
            var service = manifests.Of("Service").FirstOrDefault(service => service.Text("metadata/name") == url.Host);
            if (service is null || !service.List("spec/ports").Any(port => port.Text("port") == url.Port.ToString(CultureInfo.InvariantCulture)))
                yield return $"{variable.Text("name")} is {url}, and no Service answers there";
        }
    }

    private static IEnumerable<string> OfService(Manifests manifests, JsonObject service)
    {
        var selector = service.Map("spec/selector");
        var behind = manifests.Workloads.Where(workload => selector.All(label => workload.Map("spec/template/metadata/labels").GetValueOrDefault(label.Key) == label.Value)).ToList();
        if (selector.Count == 0 || behind.Count != 1)
            yield return $"Service {service.Text("metadata/name")}: selects {behind.Count} workloads";
        foreach (var port in service.List("spec/ports"))
        {
            if (!behind.SelectMany(workload => workload.List("spec/template/spec/containers")).Any(container => PortOf(container, port.Text("targetPort")) is not null))
                yield return $"Service {service.Text("metadata/name")}: port {port.Text("name")} goes to {port.Text("targetPort")}, which no container has";
        }
    }

    private static IEnumerable<string> OfStatefulSet(Manifests manifests, JsonObject set)
    {
        var (name, domain, replicas) = (set.Text("metadata/name")!, set.Text("spec/serviceName")!, int.Parse(set.Text("spec/replicas")!, CultureInfo.InvariantCulture));
        var governing = manifests.Of("Service").FirstOrDefault(service => service.Text("metadata/name") == domain);
        if (governing is null)
            yield return $"{name}: there is no Service {domain}";
        else if (governing.Text("spec/clusterIP") != "None" || governing.Text("spec/publishNotReadyAddresses") != "true" || !governing.Map("spec/selector").All(label => set.Map("spec/template/metadata/labels").GetValueOrDefault(label.Key) == label.Value))
            yield return $"{name}: the Service {domain} does not give each of its pods a name before it is ready";
        if (set.Text("spec/podManagementPolicy") != "Parallel")
            yield return $"{name}: its first pod would wait for the others, which wait for it";

        var container = set.At("spec/template/spec/containers/0");
        var flags = container.List("args").Select(argument => argument.ToString().Split('=', 2)).ToDictionary(flag => flag[0], flag => flag[1], StringComparer.Ordinal);
        var (peer, client) = (PortOf(container!, "peer"), PortOf(container!, "client"));
        string PeerUrl(string pod) => $"http://{pod}.{domain}.$(POD_NAMESPACE).svc:{peer}";
        var members = Enumerable.Range(0, replicas).Select(ordinal => $"{name}-{ordinal}={PeerUrl($"{name}-{ordinal}")}");
        foreach (var (flag, wanted) in new[]
        {
            ("--name", "$(POD_NAME)"),
            ("--initial-cluster", string.Join(',', members)),
            ("--initial-advertise-peer-urls", PeerUrl("$(POD_NAME)")),
            ("--advertise-client-urls", $"http://$(POD_NAME).{domain}.$(POD_NAMESPACE).svc:{client}"),
            ("--listen-peer-urls", $"http://0.0.0.0:{peer}"),
            ("--listen-client-urls", $"http://0.0.0.0:{client}"),
        })
        {
            if (flags.GetValueOrDefault(flag) != wanted)
                yield return $"{name}: {flag} is {flags.GetValueOrDefault(flag)}; by replicas, Service and ports it is {wanted}";
        }

        if (!container.List("volumeMounts").Any(mount => flags.GetValueOrDefault("--data-dir")?.StartsWith(mount.Text("mountPath") + "/", StringComparison.Ordinal) is true))
            yield return $"{name}: --data-dir is on no volume";
    }

    private static IEnumerable<string> OfBudget(Manifests manifests, JsonObject budget)
    {
        var name = budget.Text("metadata/name");
        var guarded = manifests.Workloads.Where(workload => NetworkPaths.Selects(budget.At("spec/selector")!, workload.Map("spec/template/metadata/labels"))).ToList();
        if (guarded is not [var workload])
        {
            yield return $"PodDisruptionBudget {name}: selects {guarded.Count} workloads";
            yield break;
        }

        var replicas = int.Parse(workload.Text("spec/replicas")!, CultureInfo.InvariantCulture);
        var available = int.TryParse(budget.Text("spec/minAvailable"), CultureInfo.InvariantCulture, out var least) ? least : replicas - int.Parse(budget.Text("spec/maxUnavailable")!, CultureInfo.InvariantCulture);
        if (workload.Text("kind") == "StatefulSet" && available < (replicas / 2) + 1)
            yield return $"PodDisruptionBudget {name}: a drain may leave {available} of {replicas}, which is no quorum";
        if (available >= replicas)
            yield return $"PodDisruptionBudget {name}: no node could ever be drained";
    }

    private static IEnumerable<string> OfBinding(Manifests manifests, JsonObject binding)
    {
        var name = binding.Text("metadata/name");
        if (!manifests.Of(binding.Text("roleRef/kind")!).Any(role => role.Text("metadata/name") == binding.Text("roleRef/name")))
            yield return $"RoleBinding {name}: there is no {binding.Text("roleRef/kind")} {binding.Text("roleRef/name")}";
        foreach (var subject in binding.List("subjects"))
        {
            if (!manifests.Of(subject.Text("kind")!).Any(account => account.Text("metadata/name") == subject.Text("name") && account.Text("metadata/namespace") == subject.Text("namespace")))
                yield return $"RoleBinding {name}: there is no {subject.Text("kind")} {subject.Text("namespace")}/{subject.Text("name")}";
        }
    }

    private static IEnumerable<string> OfNamespace(JsonObject each)
    {
        if (each.Text("kind") != "Namespace" && each.Text("metadata/namespace") != "conclave-demo")
            yield return $"{each.Text("kind")} {each.Text("metadata/name")}: is in the namespace {each.Text("metadata/namespace") ?? "of whoever applies it"}";
    }

    /// <summary>By name or by number; null where the container has no such port.</summary>
    public static string? PortOf(JsonNode container, string? port) =>
        container.List("ports").FirstOrDefault(each => each.Text("name") == port || each.Text("containerPort") == port).Text("containerPort");

    [GeneratedRegex(@"\$\(([^)]+)\)")]
    public static partial Regex Reference();

    [GeneratedRegex(@":(?!latest$)[\w.-]+$")]
    private static partial Regex TaggedImage();
}

using System.Text.Json.Nodes;

namespace Conclave.Deploy.Tests;

/// <summary>The objects of each overlay fit each other.</summary>
public sealed class CrossCheckTests
{
    public static TheoryData<string> Overlays => new(Manifests.Overlays);

    [ToolTheory(Needs.Kubectl)]
    [MemberData(nameof(Overlays))]
    public async Task The_objects_fit_each_other(string overlay) => Assert.Empty(CrossChecks.Complaints(await Manifests.RenderAsync($"overlays/{overlay}")));

    [ToolFact(Needs.Kubectl)]
    public async Task A_planted_mismatch_is_found()
    {
        var good = await Manifests.RenderAsync("overlays/etcd");
        (string Complaint, Action<Manifests> Plant)[] bugs =
        [
            ("its selector does not match its own pods", m => m.The("Deployment", "leader-demo").At("spec/selector/matchLabels")!["app.kubernetes.io/name"] = "demo"),
            ("selects 0 workloads", m => m.The("Service", "store").At("spec/selector")!["app.kubernetes.io/name"] = "etcd"),
            ("goes to clients, which no container has", m => m.The("Service", "store").At("spec/ports/0")!["targetPort"] = "clients"),
            ("asks at port metrics", m => m.The("StatefulSet", "store").At("spec/template/spec/containers/0/readinessProbe/httpGet")!["port"] = "metrics"),
            ("there is no Service store-headless", m => m.The("StatefulSet", "store")["spec"]!["serviceName"] = "store-headless"),
            ("does not give each of its pods a name", m => m.The("Service", "store-peers").At("spec")!.AsObject().Remove("clusterIP")),
            ("does not give each of its pods a name", m => m.The("Service", "store-peers").At("spec")!.AsObject().Remove("publishNotReadyAddresses")),
            ("--initial-cluster is", m => m.The("StatefulSet", "store")["spec"]!["replicas"] = 5),
            ("first pod would wait", m => m.The("StatefulSet", "store")["spec"]!.AsObject().Remove("podManagementPolicy")),
            ("may leave 1 of 3, which is no quorum", m => m.The("PodDisruptionBudget", "store")["spec"]!["minAvailable"] = 1),
            ("no node could ever be drained", m => m.The("PodDisruptionBudget", "store")["spec"]!["minAvailable"] = 3),
            ("ETCD_ENDPOINT is http://store:2380/, and no Service answers there", m => Variable(m, "ETCD_ENDPOINT")["value"] = "http://store:2380"),
            ("refers to POD_NAME, which is not in its environment", m => m.The("StatefulSet", "store").At("spec/template/spec/containers/0/env/0")!["name"] = "POD"),
            ("may run as root", m => m.The("Deployment", "leader-demo").At("spec/template/spec/securityContext")!["runAsUser"] = 0),
            ("mounts disk, which is no volume", m => m.The("StatefulSet", "store").At("spec/template/spec/containers/0/volumeMounts/0")!["name"] = "disk"),
            ("--data-dir is on no volume", m => m.The("StatefulSet", "store").At("spec/template/spec/containers/0/volumeMounts/0")!["mountPath"] = "/var/lib/etcd"),
            ("has no version", m => m.The("Deployment", "leader-demo").At("spec/template/spec/containers/0")!["image"] = "conclave"),
            ("there is no ServiceAccount default", m => m.The("Deployment", "leader-demo").At("spec/template/spec")!["serviceAccountName"] = "default"),
            ("is in the namespace of whoever applies it", m => m.The("Service", "store").At("metadata")!.AsObject().Remove("namespace")),
        ];
        foreach (var (complaint, plant) in bugs)
            Assert.Contains(CrossChecks.Complaints(good.With(plant)), found => found.Contains(complaint, StringComparison.Ordinal));
    }

    [ToolTheory(Needs.Kubectl)]
    [InlineData("etcd", "leader-demo → store TCP 2379", "store → store TCP 2380")]
    [InlineData("leases", "leader-demo → {} TCP 443", "leader-demo → {} TCP 6443", "leader-demo → {} TCP 8443")]
    [InlineData("conclave", "leader-demo → store TCP 2379", "store → store TCP 2379", "store → store TCP 2380")]
    public async Task The_network_lets_through_what_is_needed_and_nothing_else(string overlay, params string[] needed)
    {
        var manifests = await Manifests.RenderAsync($"overlays/{overlay}");
        string[] dns = [.. from pod in manifests.Workloads.Select(workload => workload.Text("metadata/name")) from protocol in new[] { "UDP", "TCP" } select $"{pod} → {Dns} {protocol} 53"];
        Assert.Equal([.. needed.Concat(dns).Order(StringComparer.Ordinal)], NetworkPaths.Of(manifests).Order(StringComparer.Ordinal));
    }

    [ToolFact(Needs.Kubectl)]
    public async Task A_hole_in_the_network_is_found()
    {
        var good = await Manifests.RenderAsync("overlays/etcd");
        var closed = NetworkPaths.Of(good).ToList();

        var open = NetworkPaths.Of(good.With(m => m.The("NetworkPolicy", "store").At("spec/ingress/0")!.AsObject().Remove("from"))).ToList();
        Assert.Equal(closed, open); // who may enter is also decided where they leave

        Assert.Contains("leader-demo → store TCP 2380", NetworkPaths.Of(good.With(m =>
        {
            m.The("NetworkPolicy", "store").At("spec/ingress/0")!.AsObject().Remove("ports");
            m.The("NetworkPolicy", "leader-demo").At("spec/egress/0/ports/0")!["port"] = 2380;
        })));
        Assert.Contains("leader-demo → {} anything", NetworkPaths.Of(good.With(m => m.The("NetworkPolicy", "dns").At("spec/egress")!.AsArray().Add(new JsonObject()))));
        Assert.Contains("store → leader-demo anything", NetworkPaths.Of(good.With(m =>
        {
            m.The("NetworkPolicy", "default-deny").At("spec/podSelector")!["matchLabels"] = new JsonObject { ["app.kubernetes.io/name"] = "nobody" };
            m.The("NetworkPolicy", "store").At("spec/egress")!.AsArray().Add(new JsonObject());
        })));
    }

    private const string Dns = """{"namespaceSelector":{"matchLabels":{"kubernetes.io/metadata.name":"kube-system"}},"podSelector":{"matchLabels":{"k8s-app":"kube-dns"}}}""";

    private static JsonNode Variable(Manifests manifests, string name) =>
        manifests.Workloads.SelectMany(workload => workload.List("spec/template/spec/containers/0/env")).Single(variable => variable.Text("name") == name);
}

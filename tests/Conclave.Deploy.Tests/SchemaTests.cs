using System.Text.Json;
using System.Text.Json.Nodes;

namespace Conclave.Deploy.Tests;

/// <summary>Every object against Kubernetes' published schemas: unknown fields, wrong types, missing fields.</summary>
public sealed class SchemaTests
{
    public static TheoryData<string> Kustomizations => new([.. Manifests.Overlays.Select(name => $"overlays/{name}"), "base", "store", "leases"]);

    [ToolTheory(Needs.Kubectl | Needs.Schemas)]
    [MemberData(nameof(Kustomizations))]
    public async Task Every_object_fits_its_schema(string folder)
    {
        var rendered = await Manifests.RenderAsync(folder);
        Assert.NotEmpty(rendered.Objects);
        Assert.Empty(await ComplaintsAsync(rendered));
    }

    [ToolFact(Needs.Kubectl | Needs.Schemas)]
    public async Task A_planted_bug_is_found()
    {
        var good = await Manifests.RenderAsync("overlays/etcd");
        (string Complaint, Action<Manifests> Plant)[] bugs =
        [
            ("/spec/template/spec/serviceAcountName: unknown field", m => Pod(m)["serviceAcountName"] = "store"),
            ("/spec/template/spec/containers/0/readinessProbe/httpget: unknown field", m => Container(m)["readinessProbe"]!["httpget"] = new JsonObject()),
            ("/spec/ingress/0/ports/0/ports: unknown field", m => m.The("NetworkPolicy", "store").At("spec/ingress/0/ports/0")!["ports"] = 1),
            ("/spec/replicas: must be integer", m => m.The("StatefulSet", "store")["spec"]!["replicas"] = "3"),
            ("/spec/minAvailable: ", m => m.The("PodDisruptionBudget", "store")["spec"]!["minAvailable"] = true),
            ("/spec/template/spec/containers/0/resources/limits/memory: ", m => Container(m).At("resources/limits")!["memory"] = "512MiB"),
            ("must have required property selector", m => m.The("Deployment", "leader-demo")["spec"]!.AsObject().Remove("selector")),
            ("must have required property name", m => Container(m).Remove("name")),
            ("must have required property port", m => Container(m).At("livenessProbe/httpGet")!.AsObject().Remove("port")),
            ("apps/v1beta9 StatefulSet store: there is no such kind", m => m.The("StatefulSet", "store")["apiVersion"] = "apps/v1beta9"),
            ("v1 Servise store: there is no such kind", m => m.The("Service", "store")["kind"] = "Servise"),
        ];
        foreach (var (complaint, plant) in bugs)
            Assert.Contains(await ComplaintsAsync(good.With(plant)), found => found.Contains(complaint, StringComparison.Ordinal));
    }

    private static JsonObject Pod(Manifests manifests) => manifests.The("StatefulSet", "store").At("spec/template/spec")!.AsObject();

    private static JsonObject Container(Manifests manifests) => Pod(manifests).At("containers/0")!.AsObject();

    private static async Task<string[]> ComplaintsAsync(Manifests manifests)
    {
        var objects = new JsonArray([.. manifests.Objects.Select(each => each.DeepClone())]);
        var script = Path.Combine(Tools.Root, "tests", "Conclave.Deploy.Tests", "tools", "validate.mjs");
        var judged = await Command.RunAsync(Tools.Node!, [script, Tools.Models], objects.ToJsonString());
        return JsonSerializer.Deserialize<string[]>(judged.Succeeded())!;
    }
}

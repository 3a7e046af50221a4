using System.Text.Json.Nodes;
using Conclave.Kubernetes.Tests;

namespace Conclave.Deploy.Tests;

/// <summary>The overlay without a store: five instances on a Lease, before the API server of Conclave.Kubernetes' tests, which grants them what the Role grants and nothing else.</summary>
[Collection(WithImage.Name)]
public sealed class LeaseTests(Image image) : IAsyncLifetime
{
    private readonly KubernetesServer _server = new();

    public Task InitializeAsync() => _server.StartAsync();

    public Task DisposeAsync() => _server.DisposeAsync();

    [ToolFact(Needs.Kubectl)]
    public async Task On_a_lease_one_of_five_leads_by_the_permissions_of_its_role()
    {
        var manifests = await Manifests.RenderAsync("overlays/leases");
        var demo = manifests.The("Deployment", "leader-demo");
        _server.Allow((KubernetesServer.Token, Verbs(manifests.The("Role", "leases"), lease: "leader-demo")));
        await using var running = new LoopbackCluster(manifests, image);

        string[] names = [.. LoopbackCluster.NamesOf(demo)];
        foreach (var name in names)
            await running.StartAsync(demo, name, InPod(_server));
        var first = await Turns.LeaderAsync(running, names, after: 0);
        Assert.Equal(first.Pod, (string?)(await _server.SpecAsync("leader-demo"))["holderIdentity"]);

        running.Pods[first.Pod].Kill();
        var second = await Turns.LeaderAsync(running, [.. names.Where(name => name != first.Pod)], first.Token);
        Assert.NotEqual(first.Pod, second.Pod);
        Turns.AssertOneAtATime(Turns.Works(running));
    }

    [ToolFact(Needs.Kubectl)]
    public async Task An_instance_asks_the_api_server_only_where_it_needs_to()
    {
        foreach (var overlay in Manifests.Overlays)
        {
            var demo = (await Manifests.RenderAsync($"overlays/{overlay}")).The("Deployment", "leader-demo");
            Assert.Equal(overlay == "leases" ? "true" : "false", demo.Text("spec/template/spec/automountServiceAccountToken"));
        }
    }

    /// <summary>What the Role allows with this Lease.</summary>
    private static string[] Verbs(JsonObject role, string lease) =>
    [
        .. from rule in role.List("rules")
           where rule.Text("apiGroups/0") == "coordination.k8s.io" && rule.Text("resources/0") == "leases"
           where rule.At("resourceNames") is null || rule.List("resourceNames").Any(name => name.ToString() == lease)
           from verb in rule.List("verbs")
           select verb.ToString(),
    ];

    /// <summary>What every pod finds; its files are elsewhere here, and the server knows one namespace only.</summary>
    private static Dictionary<string, string> InPod(KubernetesServer server)
    {
        var token = Path.Combine(server.Folder, "token");
        File.WriteAllText(token, KubernetesServer.Token);
        var address = new Uri(server.Address);
        return new(StringComparer.Ordinal)
        {
            ["KUBERNETES_SERVICE_HOST"] = address.Host,
            ["KUBERNETES_SERVICE_PORT"] = $"{address.Port}",
            ["Conclave__Elections__leader-demo__Kubernetes__TokenFile"] = token,
            ["Conclave__Elections__leader-demo__Kubernetes__CertificateAuthorityFile"] = server.AuthorityFile,
            ["Conclave__Elections__leader-demo__Kubernetes__Namespace"] = KubernetesServer.Namespace,
        };
    }
}

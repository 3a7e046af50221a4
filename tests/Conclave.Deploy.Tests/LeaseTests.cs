using System.Text.Json.Nodes;
using Conclave.Kubernetes.Tests;

namespace Conclave.Deploy.Tests;

/// <summary>
/// The overlay without a store: its instances as processes, with the manifest's command and environment, before the API server of Conclave.Kubernetes' tests, which grants them the verbs that the
/// rendered Role grants for their Lease and answers everything else with 403.
/// </summary>
[Collection(WithImage.Name)]
public sealed class LeaseTests(Image image) : IAsyncLifetime
{
    private const string Lease = "leader-demo";

    private readonly KubernetesServer _server = new();

    public Task InitializeAsync() => _server.StartAsync();

    public Task DisposeAsync() => _server.DisposeAsync();

    [ToolFact(Needs.Kubectl)]
    public async Task On_a_lease_one_of_five_leads_by_the_permissions_of_its_role()
    {
        var (manifests, demo) = await RenderAsync();
        _server.Allow((KubernetesServer.Token, Verbs(manifests)));
        await using var running = new LoopbackCluster(manifests, image);
        string[] names = [.. LoopbackCluster.NamesOf(demo)];
        Assert.Equal(5, names.Length);
        foreach (var name in names)
            await running.StartAsync(demo, name, InPod());
        var first = await Turns.LeaderAsync(running, names, after: 0);

        running.Pods[first.Pod].Kill();
        string[] left = [.. names.Where(name => name != first.Pod)];
        var second = await Turns.LeaderAsync(running, left, first.Token);
        Assert.Contains(second.Pod, left);
        Turns.AssertOneAtATime(Turns.Works(running));

        // None of them was refused anything on the way.
        Assert.DoesNotContain(running.Pods.Values.SelectMany(pod => pod.Lines), line => line.Contains("may not", StringComparison.Ordinal));
    }

    [ToolTheory(Needs.Kubectl)]
    [InlineData("list")]
    [InlineData("watch")]
    [InlineData("create")]
    [InlineData("update")]
    public async Task Without_one_of_the_verbs_of_its_role_an_instance_says_which(string verb)
    {
        var (manifests, demo) = await RenderAsync();
        _server.Allow((KubernetesServer.Token, [.. Verbs(manifests).Where(allowed => allowed != verb)]));
        await using var running = new LoopbackCluster(manifests, image);
        await running.StartAsync(demo, "leader-demo-0", InPod());
        var pod = running.Pods["leader-demo-0"];
        await Turns.UntilAsync($"it says that it may not {verb}", () => Task.FromResult(pod.Lines.Any(line => line.Contains($"may not '{verb}' leases", StringComparison.Ordinal))), pod);
        Assert.Empty(Turns.Works(running));
    }

    [ToolFact(Needs.Kubectl)]
    public async Task An_instance_gets_a_token_for_the_api_server_only_where_it_elects_there()
    {
        foreach (var overlay in Manifests.Overlays)
        {
            var demo = (await Manifests.RenderAsync($"overlays/{overlay}")).The("Deployment", "leader-demo");
            Assert.Equal(overlay == "leases" ? "true" : "false", demo.Text("spec/template/spec/automountServiceAccountToken"));
        }
    }

    private static async Task<(Manifests Manifests, JsonObject Demo)> RenderAsync()
    {
        var manifests = await Manifests.RenderAsync("overlays/leases");
        return (manifests, manifests.The("Deployment", "leader-demo"));
    }

    /// <summary>What the Role allows with the instances' Lease; a rule without names is for all.</summary>
    private static string[] Verbs(Manifests manifests) =>
    [
        .. from rule in manifests.Of("Role").Single().List("rules")
           where rule.List("apiGroups").Any(api => api.ToString() == "coordination.k8s.io") && rule.List("resources").Any(resource => resource.ToString() == "leases")
           where rule.At("resourceNames") is null || rule.List("resourceNames").Any(name => name.ToString() == Lease)
           from verb in rule.List("verbs")
           select verb.ToString(),
    ];

    /// <summary>What every pod finds; its service account's files are elsewhere here, and the server knows one namespace only.</summary>
    private Dictionary<string, string> InPod()
    {
        var token = Path.Combine(_server.Folder, "token");
        File.WriteAllText(token, KubernetesServer.Token);
        const string Options = $"Conclave__Elections__{Lease}__Kubernetes__";
        return new(StringComparer.Ordinal)
        {
            ["KUBERNETES_SERVICE_HOST"] = _server.EndPoint.Address.ToString(),
            ["KUBERNETES_SERVICE_PORT"] = $"{_server.EndPoint.Port}",
            [Options + "TokenFile"] = token,
            [Options + "CertificateAuthorityFile"] = _server.AuthorityFile,
            [Options + "Namespace"] = KubernetesServer.Namespace,
        };
    }
}

using System.Text.Json.Nodes;

namespace Conclave.Deploy.Tests;

/// <summary>Who may open a connection to whom, as a cluster decides it: the policies of the caller's side and those of the callee's side must both allow it.</summary>
internal static class NetworkPaths
{
    private const string Anything = "anything";

    /// <summary>Between the workloads, and out of the namespace: <c>leader-demo → store TCP 2379</c>.</summary>
    public static IEnumerable<string> Of(Manifests manifests)
    {
        var policies = manifests.Of("NetworkPolicy").ToList();
        var pods = manifests.Workloads.Select(workload => (Name: workload.Text("metadata/name")!, Labels: workload.Map("spec/template/metadata/labels"))).ToList();
        foreach (var from in pods)
        {
            foreach (var to in pods)
            {
                var left = Ports(policies, from.Labels, to.Labels, "egress", "to");
                var entered = Ports(policies, to.Labels, from.Labels, "ingress", "from");
                foreach (var port in left.Contains(Anything) ? entered : entered.Contains(Anything) ? left : left.Intersect(entered))
                    yield return $"{from.Name} → {to.Name} {port}";
            }

            foreach (var rule in Rules(policies, from.Labels, "egress") ?? [])
            {
                foreach (var peer in rule.At("to") is null ? [new JsonObject()] : rule.List("to").Where(peer => peer.AsObject().ContainsKey("namespaceSelector") || !peer.AsObject().ContainsKey("podSelector")))
                {
                    foreach (var port in PortsOf(rule))
                        yield return $"{from.Name} → {peer.ToJsonString()} {port}";
                }
            }
        }
    }

    /// <summary>The ports that policies which select <paramref name="subject"/> open towards <paramref name="other"/>; where none selects it, everything is open.</summary>
    private static HashSet<string> Ports(IEnumerable<JsonObject> policies, Dictionary<string, string> subject, Dictionary<string, string> other, string direction, string peers) =>
        Rules(policies, subject, direction)?
            .Where(rule => rule.At(peers) is null || rule.List(peers).Any(peer => !peer.AsObject().ContainsKey("namespaceSelector") && peer["podSelector"] is { } selector && Selects(selector, other)))
            .SelectMany(PortsOf)
            .ToHashSet(StringComparer.Ordinal) ?? [Anything];

    private static List<JsonNode>? Rules(IEnumerable<JsonObject> policies, Dictionary<string, string> subject, string direction)
    {
        var type = direction == "egress" ? "Egress" : "Ingress";
        var selecting = policies.Where(policy => policy.List("spec/policyTypes").Any(each => each.ToString() == type) && Selects(policy.At("spec/podSelector")!, subject)).ToList();
        return selecting.Count == 0 ? null : [.. selecting.SelectMany(policy => policy.List($"spec/{direction}"))];
    }

    private static IEnumerable<string> PortsOf(JsonNode rule) =>
        rule.At("ports") is null ? [Anything] : rule.List("ports").Select(port => $"{port.Text("protocol") ?? "TCP"} {port.Text("port")}");

    public static bool Selects(JsonNode selector, Dictionary<string, string> labels) =>
        selector.AsObject().All(part => part.Key == "matchLabels")
            ? selector.Map("matchLabels").All(label => labels.GetValueOrDefault(label.Key) == label.Value)
            : throw new NotSupportedException($"{selector.ToJsonString()}: teach the test matchExpressions");
}

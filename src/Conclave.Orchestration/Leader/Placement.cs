using System.Collections.Immutable;
using Conclave.Orchestration.Cluster;

namespace Conclave.Orchestration.Leader;

/// <summary>Where a new instance goes. Pure.</summary>
internal static class Placement
{
    /// <summary>
    /// The candidate with the fewest instances of the same service, then the fewest of all, then the first by name: a service is spread before
    /// nodes are balanced, because what is lost together when a node is lost is what hurts. Null when there is no candidate.
    /// </summary>
    public static string? Choose(
        InstanceId id, IReadOnlyList<string> candidates, ImmutableSortedDictionary<InstanceId, Assignment> assignments) =>
        candidates
            .OrderBy(node => assignments.Count(a => a.Key.Service == id.Service && a.Value.Node == node))
            .ThenBy(node => assignments.Count(a => a.Value.Node == node))
            .ThenBy(node => node, StringComparer.Ordinal)
            .FirstOrDefault();
}

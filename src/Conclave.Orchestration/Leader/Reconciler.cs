using System.Collections.Immutable;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;

namespace Conclave.Orchestration.Leader;

/// <summary>What a leader wants written. A closed set.</summary>
internal abstract record LeaderAction
{
    private LeaderAction()
    {
    }

    /// <summary>Give an instance to a node, or a newer generation to the node that has it.</summary>
    public sealed record Assign(InstanceId Id, Assignment Assignment, string Why) : LeaderAction;

    /// <summary>Nobody runs it any more; its worker drains and ends it.</summary>
    public sealed record Unassign(InstanceId Id, string Why) : LeaderAction;

    /// <summary>Have a node's process ended and started anew.</summary>
    public sealed record Order(NodeOrder NodeOrder) : LeaderAction;

    /// <summary>The order was carried out.</summary>
    public sealed record ClearOrder(string Node) : LeaderAction;
}

/// <summary>What the leader itself knows of a node, besides the store.</summary>
internal readonly record struct NodeHealth(NodeCondition Condition, string Why);

internal enum NodeCondition
{
    /// <summary>It answers.</summary>
    Alive,

    /// <summary>Too early to say, or an order is being carried out.</summary>
    Unknown,

    /// <summary>Its process ended, or it has not answered for 2T: start it anew.</summary>
    Failed,

    /// <summary>It was started anew and still does not answer, for longer than <see cref="ReconcilerOptions.MoveAfter"/>: move its instances.</summary>
    Lost,
}

/// <summary>The bounds of the leader's decisions.</summary>
internal sealed record ReconcilerOptions
{
    /// <summary>How long a node may fail to come back before its instances are given to others. Local repair first, cluster repair second. Default 15 s.</summary>
    public TimeSpan MoveAfter { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Instances of one service replaced at the same time by a new generation. Default 1.</summary>
    public int MaxUnavailable { get; init; } = 1;
}

/// <summary>
/// What must be written so that the cluster becomes what it should be. Pure: the same view and health give the same actions, and a leader that
/// acted on them plans nothing.
/// </summary>
internal static class Reconciler
{
    public static IReadOnlyList<LeaderAction> Plan(
        ClusterView view, IReadOnlyDictionary<string, NodeHealth> health, ReconcilerOptions options)
    {
        var actions = new List<LeaderAction>();
        PlanNodes(view, health, actions);
        var assignments = PlanCounts(view, health, actions);
        PlanMoves(view, health, assignments, actions);
        PlanGenerations(view, assignments, options, actions);
        return actions;
    }

    /// <summary>A node that failed is started anew by a node that lives; the order goes when the node answers again.</summary>
    private static void PlanNodes(ClusterView view, IReadOnlyDictionary<string, NodeHealth> health, List<LeaderAction> actions)
    {
        var alive = Alive(view, health);
        foreach (var node in view.Settings?.Nodes ?? [])
        {
            var condition = health.GetValueOrDefault(node);
            if (condition.Condition == NodeCondition.Alive)
            {
                if (view.Orders.ContainsKey(node))
                    actions.Add(new LeaderAction.ClearOrder(node));
                continue;
            }

            if (condition.Condition == NodeCondition.Unknown)
                continue;
            var given = view.Orders.GetValueOrDefault(node);
            var executors = alive.Where(n => n != node && SameHost(view, n, node)).ToList();
            if (executors.Count == 0)
                continue;

            // Whoever has begun goes on: a second executor would only get in its way.
            var executor = given is not null && executors.Contains(given.Executor, StringComparer.Ordinal) ? given.Executor : executors[0];
            var order = new NodeOrder(node, executor, view.Nodes.TryGetValue(node, out var report) ? report.Process : null, condition.Why);
            if (given is null || given with { Why = order.Why } != order)
                actions.Add(new LeaderAction.Order(order));
        }
    }

    /// <summary>As many assignments as instances are wanted: new ones are placed, surplus ones removed.</summary>
    private static ImmutableSortedDictionary<InstanceId, Assignment> PlanCounts(
        ClusterView view, IReadOnlyDictionary<string, NodeHealth> health, List<LeaderAction> actions)
    {
        var assignments = view.Assignments;
        foreach (var (id, _) in view.Assignments)
        {
            if (view.Services.TryGetValue(id.Service, out var service) && service.Wants(id.Number))
                continue;
            actions.Add(new LeaderAction.Unassign(id, service is null ? "the service is gone" : "it is not wanted any more"));
            assignments = assignments.Remove(id);
        }

        var candidates = Alive(view, health);
        foreach (var (name, service) in view.Services)
        {
            for (var number = 1; number <= service.Replicas; number++)
            {
                var id = new InstanceId(name, number);
                if (!service.Wants(number) || assignments.ContainsKey(id) || Placement.Choose(id, candidates, assignments) is not { } node)
                    continue;
                var assignment = new Assignment(node, service.Generation, service.Spec);
                actions.Add(new LeaderAction.Assign(id, assignment, "it is wanted and nobody runs it"));
                assignments = assignments.Add(id, assignment);
            }
        }

        return assignments;
    }

    /// <summary>What a lost node ran is given to the living.</summary>
    private static void PlanMoves(
        ClusterView view,
        IReadOnlyDictionary<string, NodeHealth> health,
        ImmutableSortedDictionary<InstanceId, Assignment> assignments,
        List<LeaderAction> actions)
    {
        var candidates = Alive(view, health);
        foreach (var (id, assignment) in assignments)
        {
            var known = view.Settings is { } settings && settings.Nodes.Contains(assignment.Node, StringComparer.Ordinal);
            var lost = !known || health.GetValueOrDefault(assignment.Node).Condition == NodeCondition.Lost;
            if (!lost || Placement.Choose(id, candidates, assignments) is not { } node)
                continue;
            var moved = assignment with { Node = node };
            actions.Add(new LeaderAction.Assign(id, moved, $"{assignment.Node} is lost"));
            assignments = assignments.SetItem(id, moved);
        }
    }

    /// <summary>A new generation goes to one instance at a time, and to the next only when the one before serves.</summary>
    private static void PlanGenerations(
        ClusterView view, ImmutableSortedDictionary<InstanceId, Assignment> assignments, ReconcilerOptions options, List<LeaderAction> actions)
    {
        foreach (var (name, service) in view.Services)
        {
            var mine = assignments.Where(a => a.Key.Service == name).ToList();
            var inProgress = mine.Count(a => a.Value.Generation == service.Generation && !Serves(view, a.Key, a.Value.Generation));
            foreach (var (id, assignment) in mine)
            {
                if (assignment.Generation == service.Generation)
                {
                    if (assignment.Spec != service.Spec)
                        actions.Add(new LeaderAction.Assign(id, assignment with { Spec = service.Spec }, "its probes or its way of stopping changed"));
                    continue;
                }

                // An instance that serves nobody can be replaced without waiting for its turn: replacing it takes nothing away.
                if (Serves(view, id, assignment.Generation) && inProgress++ >= options.MaxUnavailable)
                    continue;
                actions.Add(new LeaderAction.Assign(
                    id, new Assignment(assignment.Node, service.Generation, service.Spec), $"generation {service.Generation}"));
            }
        }
    }

    private static bool Serves(ClusterView view, InstanceId id, long generation) =>
        view.Instances.TryGetValue(id, out var status) && status.State == RunState.Ready && status.Generation == generation;

    private static List<string> Alive(ClusterView view, IReadOnlyDictionary<string, NodeHealth> health) =>
        [.. (view.Settings?.Nodes ?? []).Where(n => view.Nodes.ContainsKey(n) && health.GetValueOrDefault(n).Condition == NodeCondition.Alive)];

    /// <summary>A node that was never seen, or whose lease is gone, is taken to be where the asker is: `up` starts all nodes on one host.</summary>
    private static bool SameHost(ClusterView view, string executor, string node) =>
        !view.Nodes.TryGetValue(node, out var status) || status.Host == view.Nodes[executor].Host;
}

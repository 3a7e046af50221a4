using System.Collections.Immutable;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;

namespace Conclave.Cli.Cluster;

/// <summary>What was found out about one node on this host.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Pid">Who holds its lock; null when nobody does.</param>
/// <param name="Answers">Whether its supervision loop answered a ping.</param>
/// <param name="Member">What its member of the coordination group said; null when it said nothing, or the cluster keeps its state elsewhere.</param>
internal readonly record struct NodeSighting(string Name, int? Pid, bool Answers, MemberSighting? Member = null);

/// <summary>What a member of the coordination group says of itself.</summary>
/// <param name="Term">The latest that it knows.</param>
/// <param name="KnowsLeader">Of that term.</param>
/// <param name="Leads">Whether it is itself that leader.</param>
internal readonly record struct MemberSighting(ulong Term, bool KnowsLeader, bool Leads);

/// <summary>Puts the status together from what the store says and what was seen on this host. Pure.</summary>
internal static class StatusOf
{
    /// <summary>The status.</summary>
    /// <param name="spec">What the cluster was started with.</param>
    /// <param name="view">What the store says; null when no node could be asked.</param>
    /// <param name="hasQuorum">Whether the store can be written; null: unknown.</param>
    /// <param name="nodes">One for each node of the spec.</param>
    /// <param name="survivors">What the disk knows, looked for when no node answers: then it is right and the store, if it can be asked at all, is out of date.</param>
    public static ClusterStatus Of(ClusterSpec spec, ClusterView? view, bool? hasQuorum, IReadOnlyList<NodeSighting> nodes, IReadOnlyList<Survivor> survivors)
    {
        view ??= ClusterView.Empty;
        if (!nodes.Any(n => n.Answers))
        {
            var (services, gateways) = Survivors.Show(spec, survivors);
            return StatusSummary.Of(
                new ClusterStatus { Name = spec.Name, Nodes = [.. nodes.Select(n => NodeOf(n, view, leader: null))], Services = services, Gateways = gateways, Urls = spec.Gateway.Listen }, hasQuorum);
        }

        var leader = LeaderOf(spec, view, nodes, hasQuorum);
        var status = new ClusterStatus
        {
            Name = spec.Name,
            Leader = leader,
            Nodes = [.. nodes.Select(n => NodeOf(n, view, leader))],
            Services = [.. view.Services.Where(s => s.Key != ClusterNames.Gateway).Select(s => ServiceOf(s.Key, s.Value, view))],
            Gateways = view.Services.TryGetValue(ClusterNames.Gateway, out var gateway) ? InstancesOf(ClusterNames.Gateway, gateway, view) : [],
            Urls = spec.Gateway.Listen,
        };
        return StatusSummary.Of(status, hasQuorum);
    }

    /// <summary>
    /// What the store says, but for instances that are ready by a report which their process did not outlive: one of before the last <c>down</c> stands until its lease ends, and one of a process that
    /// died a moment ago until its worker has said so.
    /// </summary>
    /// <param name="view">What the store says.</param>
    /// <param name="isAlive">Whether exactly this process of this host runs.</param>
    public static ClusterView WithoutEnded(ClusterView view, Func<ProcessIdentity, bool> isAlive) => view with
    {
        Instances = view.Instances.SetItems(view.Instances
            .Where(i => i.Value is { State: RunState.Ready, Process: { } process } && !isAlive(process))
            .Select(i => KeyValuePair.Create(i.Key, i.Value with { State = RunState.Unknown, Why = $"{i.Value.Process} has ended" }))),
    };

    /// <summary>
    /// The store names the last leader that sat down, and goes on naming it through an election. So in an embedded group its node has to say itself that it leads in that term: the new process of a leader that
    /// was killed does not.
    /// </summary>
    private static LeaderStatus? LeaderOf(ClusterSpec spec, ClusterView view, IReadOnlyList<NodeSighting> nodes, bool? hasQuorum)
    {
        if (hasQuorum != true || view.Leader is not { } leader)
            return null;
        var term = (ulong)leader.Term;
        var node = nodes.FirstOrDefault(n => n.Name == leader.Node);
        var leads = node.Answers && (!spec.IsEmbedded || node.Member == new MemberSighting(term, KnowsLeader: true, Leads: true));
        return leads && nodes.All(n => n.Member is null || n.Member.Value.Term <= term) ? new LeaderStatus(leader.Node, term, view.LeaderToken) : null;
    }

    private static NodeStatus NodeOf(NodeSighting node, ClusterView view, LeaderStatus? leader)
    {
        var report = view.Nodes.GetValueOrDefault(node.Name);
        return new NodeStatus
        {
            Name = node.Name,
            Pid = node.Pid,
            State = node switch
            {
                { Answers: true } => RunState.Ready,
                { Pid: not null } => RunState.Unready,
                _ when view.Orders.ContainsKey(node.Name) => RunState.Starting,
                _ => RunState.Stopped,
            },
            Role = node.Pid is null ? null : leader?.Node == node.Name ? "leader" : "follower",
            Restarts = report?.Restarts ?? 0,
            Since = report?.Since,
        };
    }

    private static ServiceStatus ServiceOf(string name, ServiceState service, ClusterView view)
    {
        var instances = InstancesOf(name, service, view);
        return new ServiceStatus
        {
            Name = name,
            Desired = service.Wanted,
            Ready = instances.Count(i => i.State == RunState.Ready),
            File = service.Replicas == service.FileReplicas ? null : service.FileReplicas,
            Instances = instances,
        };
    }

    /// <summary>Those that are wanted, seen or not, and those that are still seen though not wanted.</summary>
    private static ImmutableArray<InstanceStatus> InstancesOf(string name, ServiceState service, ClusterView view)
    {
        var ids = Enumerable.Range(1, service.Replicas).Select(n => new InstanceId(name, n))
            .Concat(view.Instances.Keys.Where(id => id.Service == name))
            .Distinct()
            .Order();
        return [.. ids.Select(id => InstanceOf(id, service, view))];
    }

    private static InstanceStatus InstanceOf(InstanceId id, ServiceState service, ClusterView view)
    {
        var report = view.Instances.GetValueOrDefault(id);
        var nothing = service.Wants(id.Number) ? view.Assignments.ContainsKey(id) ? RunState.Unknown : RunState.Pending : RunState.Stopped;
        return new InstanceStatus
        {
            Id = id.ToString(),
            Pid = report?.Process?.Pid,
            Port = report is null or { Port: 0 } ? null : report.Port,
            Node = report?.Node ?? view.Assignments.GetValueOrDefault(id)?.Node,
            State = report?.State ?? nothing,
            Restarts = report?.Restarts ?? 0,
            Since = report?.Since,
            Why = report?.Why,
        };
    }
}

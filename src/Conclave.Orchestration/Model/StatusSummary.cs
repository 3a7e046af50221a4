using System.Text;

namespace Conclave.Orchestration.Model;

/// <summary>Says in one word and one sentence how a cluster is. Pure.</summary>
public static class StatusSummary
{
    /// <summary>The same status with <see cref="ClusterStatus.State"/> and <see cref="ClusterStatus.Summary"/> filled in from the rest.</summary>
    /// <param name="status">Nodes, services and gateways as observed.</param>
    /// <param name="hasQuorum">Whether the store answers; null: judged by the nodes alive (right for the embedded store).</param>
    public static ClusterStatus Of(ClusterStatus status, bool? hasQuorum = null)
    {
        var state = StateOf(status, hasQuorum);
        return status with { State = state, Summary = Sentence(status, state) };
    }

    private static ClusterState StateOf(ClusterStatus status, bool? hasQuorum)
    {
        var alive = status.Nodes.Count(IsAlive);
        if (alive == 0)
            return ClusterState.Stopped;
        if (!(hasQuorum ?? (alive > status.Nodes.Length / 2)))
            return ClusterState.NoQuorum;
        if (status.Leader is null)
            return ClusterState.Electing;
        var complete = alive == status.Nodes.Length
            && status.Services.All(service => service.Ready >= service.Desired)
            && status.Gateways.All(gateway => gateway.State == RunState.Ready);
        return complete ? ClusterState.Healthy : ClusterState.Degraded;
    }

    private static string Sentence(ClusterStatus status, ClusterState state)
    {
        if (state == ClusterState.Stopped)
            return Down(status);
        var text = new StringBuilder(Word(state)).Append(": ");
        foreach (var service in status.Services)
        {
            text.Append($"{service.Name} {service.Ready}/{service.Desired}");
            if (service.File is { } file)
                text.Append($" (file: {file})");
            AppendTrouble(text, service.Instances.Where(instance => IsTrouble(instance.State)).Select(instance => (instance.Id, instance.State)));
            text.Append(", ");
        }

        text.Append($"nodes {status.Nodes.Count(IsAlive)}/{status.Nodes.Length}");
        AppendTrouble(text, status.Nodes.Where(node => !IsAlive(node)).Select(node => (node.Name, node.State)));
        if (status.Nodes.Length == 1)
            text.Append(" (not fault-tolerant)");

        // Gateways are mentioned only when there is something to say: the sentence has to stay one that is read.
        if (status.Gateways.Any(gateway => gateway.State != RunState.Ready))
        {
            text.Append($", gateways {status.Gateways.Count(gateway => gateway.State == RunState.Ready)}/{status.Gateways.Length}");
            AppendTrouble(text, status.Gateways.Where(gateway => IsTrouble(gateway.State)).Select(gateway => (gateway.Id, gateway.State)));
        }

        return status.Leader is { } leader && state is ClusterState.Healthy or ClusterState.Degraded
            ? text.Append($", leader {status.Leader!.Node}, term {status.Leader.Term}").ToString()
            : text.Append(state == ClusterState.NoQuorum ? ", nothing is changed until a majority is back" : ", no leader yet").ToString();
    }

    /// <summary>Instances and gateways outlive their nodes: what still serves is said before what is to be done.</summary>
    private static string Down(ClusterStatus status)
    {
        var hung = status.Nodes.FirstOrDefault(n => n.Pid is not null);
        var nodes = hung is null ? "no node runs" : "no node answers";
        var groups = status.Services.Select(s => (s.Name, s.Instances)).Append((Name: "gateways", Instances: status.Gateways)).Where(g => !g.Instances.IsEmpty).ToList();
        if (groups.All(g => g.Instances.All(i => i.Pid is null)))
            return $"Stopped: {nodes}";
        var running = string.Join(", ", groups.Select(g => $"{g.Name} {g.Instances.Count(i => i.Pid is not null)}/{g.Instances.Length}"));
        var remedy = hung is null ? "run 'conclave up' to restore" : $"end what hangs ('conclave kill {hung.Name}'), then run 'conclave up' to restore";
        return $"Down: {nodes}; {running} still running, {remedy}";
    }

    private static string Word(ClusterState state) => state switch
    {
        ClusterState.Healthy => "Healthy",
        ClusterState.Degraded => "Degraded",
        ClusterState.Electing => "Electing",
        ClusterState.NoQuorum => "No quorum",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static void AppendTrouble(StringBuilder text, IEnumerable<(string Id, RunState State)> troubles)
    {
        const int named = 3;
        var all = troubles.ToList();
        if (all.Count == 0)
            return;
        text.Append(" (").AppendJoin(", ", all.Take(named).Select(trouble => $"{trouble.Id} {trouble.State.Word()}"));
        if (all.Count > named)
            text.Append($" and {all.Count - named} more");
        text.Append(')');
    }

    private static bool IsAlive(NodeStatus node) => node.State == RunState.Ready;

    private static bool IsTrouble(RunState state) => state is not (RunState.Ready or RunState.Stopped);

    /// <summary>The state as a person says it.</summary>
    public static string Word(this RunState state) => state switch
    {
        RunState.Unknown => "unknown",
        RunState.Pending => "pending",
        RunState.Starting => "starting",
        RunState.Ready => "ready",
        RunState.Unready => "not ready",
        RunState.Stopping => "stopping",
        RunState.BackOff => "waiting to restart",
        RunState.CrashLoop => "crash loop",
        RunState.Failed => "failed",
        RunState.Stopped => "stopped",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}

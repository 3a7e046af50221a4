using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Conclave.Orchestration.Gateway;
using Conclave.Orchestration.Model;

namespace Conclave.Orchestration.Cluster;

/// <summary>
/// What a gateway is told of the cluster. An instance leaves the table when its worker reported that it does not serve, or when the leader gave it up; not when the report itself
/// vanished with its worker's lease, for the loss of an observation is not a death (DESIGN 5.9).
/// </summary>
public sealed class RoutingTable
{
    private ImmutableSortedDictionary<InstanceId, InstanceReport> _last = ImmutableSortedDictionary<InstanceId, InstanceReport>.Empty;

    /// <summary>The tables that follow from a watcher's views; the first one when there is anything to route.</summary>
    public static async IAsyncEnumerable<GatewayTable> FollowAsync(ClusterWatcher watcher, [EnumeratorCancellation] CancellationToken stopping)
    {
        var routing = new RoutingTable();
        var view = ClusterView.Empty;
        while (true)
        {
            try
            {
                view = await watcher.NextAsync(view, stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                yield break;
            }

            if (view.Settings is not null)
                yield return routing.Next(view);
        }
    }

    /// <summary>The table after <paramref name="view"/>.</summary>
    public GatewayTable Next(ClusterView view)
    {
        var seen = _last;
        foreach (var (id, _) in _last)
        {
            if (!view.Assignments.ContainsKey(id) && !view.Instances.ContainsKey(id))
                seen = seen.Remove(id);
        }

        _last = seen.SetItems(view.Instances);
        return new GatewayTable
        {
            Version = view.Revision,
            Routes = [.. (view.Settings?.Gateway.Routes ?? []).Select(r => new GatewayRoute { Host = r.Host, PathPrefix = r.Path, Service = r.Service })],
            Services = [.. view.Services.Select(s => new GatewayService { Name = s.Key, Instances = InstancesOf(s.Key, view) })],
        };
    }

    private ImmutableArray<GatewayInstance> InstancesOf(string service, ClusterView view)
    {
        var instances = ImmutableArray.CreateBuilder<GatewayInstance>();
        foreach (var (id, report) in _last)
        {
            if (id.Service != service || StateOf(report.State) is not { } state)
                continue;
            instances.Add(new GatewayInstance
            {
                Id = id.ToString(),
                Host = report.Host,
                Port = report.Port,
                State = state,
                Incarnation = report.Process is { } process ? (process.StartTime << 22) | (uint)process.Pid : 0,
                ReadyPath = ReadyPathOf(view, id),
            });
        }

        return instances.ToImmutable();
    }

    private static GatewayInstanceState? StateOf(RunState state) => state switch
    {
        RunState.Ready => GatewayInstanceState.Ready,
        RunState.Stopping => GatewayInstanceState.Draining,
        _ => null,
    };

    private static string? ReadyPathOf(ClusterView view, InstanceId id) =>
        view.Assignments.GetValueOrDefault(id)?.Spec.Ready is { Kind: ProbeKind.Http, Port: null } ready ? ready.Path : null;
}

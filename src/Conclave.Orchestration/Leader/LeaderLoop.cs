using System.Text.Json.Nodes;
using System.Threading.Channels;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;
using Conclave.Wire.Etcd;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Leader;

/// <summary>
/// What the leader of the workers does while it leads: pings every node each T, its own too, plans (<see cref="Reconciler"/>), and writes the plan under its fencing token. It starts
/// and kills nothing itself; a live node on the host carries its orders out.
/// </summary>
public sealed class LeaderLoop
{
    private readonly string _node;
    private readonly ClusterStore _store;
    private readonly ClusterWatcher _watcher;
    private readonly EventLog _events;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly NodeWatchOptions _watchOptions = new();
    private readonly ReconcilerOptions _options = new();

    /// <summary>The loop of <paramref name="node"/>.</summary>
    public LeaderLoop(string node, ClusterStore store, ClusterWatcher watcher, EventLog events, ILogger log, TimeProvider time)
    {
        _node = node;
        _store = store;
        _watcher = watcher;
        _events = events;
        _log = log;
        _time = time;
    }

    /// <summary>Campaigns and leads, again and again, until cancelled.</summary>
    public async Task RunAsync(ILeaderElection election, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await using var leadership = await election.CampaignAsync(stopping);
                Record(EventKind.LeaderElected, _node, leadership.FencingToken, "it won the election");
                using var term = CancellationTokenSource.CreateLinkedTokenSource(stopping, leadership.Lost);
                await LeadAsync(leadership, term.Token);
                if (!stopping.IsCancellationRequested)
                    Record(EventKind.LeaderLost, _node, leadership.FencingToken, leadership.LossReason?.ToString() ?? "");
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failed) when (failed is EtcdException or ElectionException)
            {
                _log.CampaignFailed(failed.Message);
                await Task.Delay(TimeSpan.FromMilliseconds(200), _time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>Leads until the leadership is lost or a write is refused.</summary>
    private async Task LeadAsync(Leadership leadership, CancellationToken term)
    {
        var fenced = new FencedStore(_store, leadership.FencingToken);
        var watch = new NodeWatch(_watchOptions);
        var signs = new BoundedChannelOptions(1_024) { FullMode = BoundedChannelFullMode.DropOldest };
        var (answers, ends) = (Channel.CreateBounded<NodeSign>(signs), Channel.CreateBounded<NodeSign>(signs));
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(term);
        var pings = new NodePinger(_watchOptions.PingInterval, answers.Writer, ends.Writer, _time).RunAsync(_watcher, ended.Token);
        try
        {
            await PlanAndActAsync(fenced, watch, answers.Reader, ends.Reader, term);
        }
        catch (DeposedException deposed)
        {
            Record(EventKind.LeaderFenced, _node, deposed.Token, deposed.Message);
        }
        catch (OperationCanceledException) when (term.IsCancellationRequested)
        {
            // The leadership ended; what was not written will be planned again by the next leader.
        }
        finally
        {
            await ended.CancelAsync();
            await pings;
        }
    }

    private async Task PlanAndActAsync(FencedStore fenced, NodeWatch watch, ChannelReader<NodeSign> answers, ChannelReader<NodeSign> ends, CancellationToken term)
    {
        var started = _time.GetTimestamp();
        var written = fenced.Token.Value;
        var view = _watcher.View;
        var changed = _watcher.NextAsync(view, term);
        var ended = ends.WaitToReadAsync(term).AsTask();
        while (true)
        {
            watch.Advance(view, _time.GetElapsedTime(started), _time.GetUtcNow());
            while (answers.TryRead(out var sign))
                watch.Answered(sign.Node, sign.Process);
            while (ends.TryRead(out var sign))
                watch.Exited(sign.Node, sign.Process);

            var health = (view.Settings?.Nodes ?? []).ToDictionary(n => n, watch.Judge, StringComparer.Ordinal);

            // A view from before this leader sat down may miss its predecessor's last writes, one from before its own last write would have it written twice.
            if (view.Revision >= written)
            {
                foreach (var action in Reconciler.Plan(view, health, _options))
                    written = await ActAsync(fenced, action, term);
            }

            // An answer to a ping changes nothing that cannot wait for half a ping interval.
            await Task.WhenAny(changed, ended, Task.Delay(_watchOptions.PingInterval / 2, _time, term));
            term.ThrowIfCancellationRequested();
            if (changed.IsCompleted)
            {
                view = await changed;
                changed = _watcher.NextAsync(view, term);
            }

            if (ended.IsCompleted)
            {
                await ended;
                ended = ends.WaitToReadAsync(term).AsTask();
            }
        }
    }

    private void Record(string kind, string subject, FencingToken token, string why) =>
        _events.Append(kind, subject, (ulong)(_watcher.View.Leader?.Term ?? 0), why, new JsonObject { ["token"] = token.Value });

    private async Task<long> ActAsync(FencedStore fenced, LeaderAction action, CancellationToken term)
    {
        var keys = _store.Keys;
        long written;
        switch (action)
        {
            case LeaderAction.Assign assign:
                written = await fenced.PutAsync(keys.Assignment(assign.Id), assign.Assignment, ClusterJson.Default.Assignment, term);
                Record(EventKind.InstancePlaced, assign.Id.ToString(), fenced.Token, $"to {assign.Assignment.Node}: {assign.Why}");
                break;
            case LeaderAction.Unassign unassign:
                written = await fenced.DeleteAsync(keys.Assignment(unassign.Id), term);
                Record(EventKind.InstancePlaced, unassign.Id.ToString(), fenced.Token, $"nowhere: {unassign.Why}");
                break;
            case LeaderAction.Order { NodeOrder: var order }:
                written = await fenced.PutAsync(keys.Order(order.Node), order, ClusterJson.Default.NodeOrder, term);
                Record(EventKind.NodeLost, order.Node, fenced.Token, $"{order.Why}; {order.Executor} starts it anew");
                break;
            case LeaderAction.ClearOrder clear:
                written = await fenced.DeleteAsync(keys.Order(clear.Node), term);
                Record(EventKind.NodeReplaced, clear.Node, fenced.Token, "it answers again");
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }

        return written;
    }
}

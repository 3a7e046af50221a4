using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Processes;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Nodes;

/// <summary>
/// Starts nodes anew on this host: on the leader's order, and, when nobody leads, by itself. Neither needs a quorum: the lock on a node's directory decides which process is the
/// node (DESIGN 5.9), so two keepers that act at once do no harm. A process that is stopped or hung is killed and seen dead before its successor starts.
/// </summary>
public sealed class NodeKeeper
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan PingTimeout = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(10);
    private readonly string _name;
    private readonly int _rank;
    private readonly IReadOnlyList<string> _siblings;
    private readonly ClusterDirectory _directory;
    private readonly NodeLauncher _launcher;
    private readonly Action<string, string, string> _event;
    private readonly ILogger _log;
    private readonly TimeProvider _time;

    /// <summary>One for each sibling: an order and the lack of a leader may name the same node at the same moment.</summary>
    private readonly Dictionary<string, SemaphoreSlim> _gates;

    /// <summary>The keeper called <paramref name="name"/> of the nodes on this host; it never touches the node of that name.</summary>
    /// <param name="name">A node, or <c>up</c>.</param>
    /// <param name="nodes">All nodes of this host, in order: of several keepers without a leader the first that lives acts first.</param>
    /// <param name="directory">The cluster's.</param>
    /// <param name="launcher">Starts them.</param>
    /// <param name="record">Takes kind, subject and reason of what was done.</param>
    /// <param name="log">Takes what went wrong.</param>
    /// <param name="time">Its clock.</param>
    public NodeKeeper(
        string name,
        IReadOnlyList<string> nodes,
        ClusterDirectory directory,
        NodeLauncher launcher,
        Action<string, string, string> record,
        ILogger log,
        TimeProvider time)
    {
        _name = name;
        _rank = nodes.TakeWhile(n => n != name).Count();
        _siblings = [.. nodes.Where(n => n != name)];
        _directory = directory;
        _launcher = launcher;
        _event = record;
        _log = log;
        _time = time;
        _gates = _siblings.ToDictionary(s => s, _ => new SemaphoreSlim(1), StringComparer.Ordinal);
    }

    /// <summary>How long nobody may lead before keepers act by themselves. Default 1.5 s: an election has had its time.</summary>
    public TimeSpan LeaderlessPatience { get; init; } = TimeSpan.FromMilliseconds(1_500);

    /// <summary>What each keeper waits longer than the one before it. Default 500 ms.</summary>
    public TimeSpan RankDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Carries out the leader's orders to this node, until cancelled.</summary>
    public async Task ExecuteOrdersAsync(ClusterWatcher watcher, CancellationToken stopping)
    {
        var running = new Dictionary<NodeOrder, Task>();
        try
        {
            var view = watcher.View;
            while (true)
            {
                foreach (var (_, order) in view.Orders)
                {
                    if (order.Executor == _name && order.Node != _name && !running.ContainsKey(order))
                        running[order] = ExecuteAsync(order, watcher, stopping);
                }

                foreach (var done in running.Where(r => r.Value.IsCompleted && view.Orders.GetValueOrDefault(r.Key.Node) != r.Key).ToList())
                    running.Remove(done.Key);
                view = await watcher.NextAsync(view, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            await Task.WhenAll(running.Values);
        }
    }

    /// <summary>Keeps the siblings alive while <paramref name="somebodyLeads"/> says no, until cancelled.</summary>
    public async Task KeepWithoutLeaderAsync(Func<bool> somebodyLeads, CancellationToken stopping)
    {
        var led = _time.GetTimestamp();
        var backoffs = _siblings.ToDictionary(s => s, _ => new StartDelay(_time), StringComparer.Ordinal);
        while (!stopping.IsCancellationRequested)
        {
            if (somebodyLeads())
                led = _time.GetTimestamp();
            if (_time.GetElapsedTime(led) > LeaderlessPatience + (_rank * RankDelay))
            {
                foreach (var sibling in _siblings)
                    await EnsureAsync(sibling, backoffs[sibling], stopping);
            }

            await Task.Delay(2 * Look, _time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Task EnsureAsync(string node, StartDelay delay, CancellationToken stopping) => AloneAsync(node, delay, async () =>
    {
        if (await AnswersAsync(node, stopping) || await AnswersAsync(node, stopping))
            return;
        if (Holder(node) is { } silent)
            await KillAsync(node, silent, "it does not answer and nobody leads", stopping);
        await StartAsync(node, "nobody leads and it does not run", delay, stopping);
    }, stopping);

    /// <summary>Until the order is taken back: the node it is about runs, as another process than the one it names.</summary>
    private async Task ExecuteAsync(NodeOrder order, ClusterWatcher watcher, CancellationToken stopping)
    {
        var delay = new StartDelay(_time);
        while (!stopping.IsCancellationRequested && watcher.View.Orders.GetValueOrDefault(order.Node) == order)
        {
            await AloneAsync(order.Node, delay, async () =>
            {
                var holder = Holder(order.Node);
                var condemned = holder is not null && (order.Incarnation is null ? !await AnswersAsync(order.Node, stopping) : holder == order.Incarnation);
                if (condemned)
                    await KillAsync(order.Node, holder!.Value, order.Why, stopping);
                if (condemned || holder is null)
                    await StartAsync(order.Node, order.Why, delay, stopping);
            }, stopping);
            await Task.Delay(Look, _time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Looks at a node and acts on it, one at a time, not while its last start is too recent, and not while the cluster is being taken down.</summary>
    private async Task AloneAsync(string node, StartDelay delay, Func<Task> act, CancellationToken stopping)
    {
        if (!delay.IsOver || File.Exists(_directory.DownMark))
            return;
        var gate = _gates[node];
        try
        {
            await gate.WaitAsync(stopping);
        }
        catch (OperationCanceledException)
        {
            return;
        }

        try
        {
            await act();
        }
        catch (ProcessStartException failed)
        {
            _log.NodeStartFailed(node, failed.Message);
            delay.Started();
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // What was begun is finished by whoever looks next.
        }
        finally
        {
            gate.Release();
        }
    }

    private ProcessIdentity? Holder(string node) =>
        DirectoryLock.ReadHolder(_directory.Node(node)) is { } holder && holder.IsAlive() ? holder : null;

    private async Task<bool> AnswersAsync(string node, CancellationToken stopping)
    {
        await using var control = new ControlClient(_directory.ControlSocket(node));
        return await control.PingAsync(PingTimeout, stopping) is not null;
    }

    private async Task KillAsync(string node, ProcessIdentity process, string why, CancellationToken stopping)
    {
        using var held = SupervisedProcess.Adopt(process);
        if (held is null)
            return;
        _event(EventKind.NodeLost, node, why);

        // Only the node itself: its instances are in sessions of their own and outlive it.
        held.Signal(Model.Signal.Kill);
        await held.Exited.WaitAsync(stopping);
    }

    /// <summary>Starts the node and waits until it answers or is gone again; which of the two, the next look tells.</summary>
    private async Task StartAsync(string node, string why, StartDelay delay, CancellationToken stopping)
    {
        delay.Started();
        var process = _launcher.Start(node);
        _ = CollectAsync(process);
        _event(EventKind.NodeReplaced, node, $"{why}; pid {process.Pid}");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        patience.CancelAfter(StartPatience);
        while (!process.Exited.IsCompleted && !patience.IsCancellationRequested)
        {
            await using var control = new ControlClient(_directory.ControlSocket(node));
            if (await control.PingAsync(PingTimeout, patience.Token) == process.Pid)
                return;
            await Task.WhenAny(process.Exited, Task.Delay(TimeSpan.FromMilliseconds(20), _time, patience.Token));
        }
    }

    /// <summary>A node that we started is our child: unless it is collected when it ends, its number stays taken.</summary>
    private static async Task CollectAsync(SupervisedProcess process)
    {
        using (process)
            await process.Exited;
    }

    /// <summary>From one start of a node to the next: at once, then twice as long each time, up to ten seconds; forgotten after a minute.</summary>
    private sealed class StartDelay(TimeProvider time)
    {
        private static readonly TimeSpan First = TimeSpan.FromMilliseconds(500);
        private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);
        private static readonly TimeSpan ForgottenAfter = TimeSpan.FromMinutes(1);
        private TimeSpan _delay = TimeSpan.Zero;
        private long _started = time.GetTimestamp();

        public bool IsOver => time.GetElapsedTime(_started) >= _delay;

        public void Started()
        {
            var healthy = time.GetElapsedTime(_started) > ForgottenAfter;
            _delay = healthy || _delay == TimeSpan.Zero ? First : _delay * 2 < Longest ? _delay * 2 : Longest;
            _started = time.GetTimestamp();
        }
    }
}

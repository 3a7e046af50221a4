using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Leader;

/// <summary>When the leader gives up on a node.</summary>
internal sealed record NodeWatchOptions
{
    /// <summary>T: how often every node is pinged. A node that says nothing for 2T has failed. Default 500 ms (DESIGN 5.5).</summary>
    public TimeSpan PingInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// How long a node that was never seen may take to report, and how long after its start a process is not judged by its silence: it may answer once and then stall on what starting
    /// costs, and killed for that it would begin again. Its instances go on meanwhile; its end is noticed at once as always. Default 5 s.
    /// </summary>
    public TimeSpan StartGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>See <see cref="ReconcilerOptions.MoveAfter"/>.</summary>
    public TimeSpan MoveAfter { get; init; } = new ReconcilerOptions().MoveAfter;
}

/// <summary>
/// What a leader concludes about nodes from answers, silence and exits. Pure: time comes in. What is said about a process holds for that process only: a node that comes back
/// is another incarnation and starts with a clean sheet, so that an order meant for the old one never hits the new.
/// </summary>
/// <remarks>
/// Silence is counted while this leader was itself awake and on time. A leader that was paused for a minute has heard nothing for a minute and must not conclude that everybody else is
/// dead, and on a machine that is short of processors it is as late as those it waits for: a gap between two calls of <see cref="Advance"/>, due each T/2, counts as T/2 at most.
/// <para>
/// The leader's own node is judged like the others. Its supervision loop can be stuck while the leader's and the member's go on; then nobody else would notice, and a sibling carries out the
/// order to replace it, leader and all.
/// </para>
/// </remarks>
/// <param name="options">The bounds.</param>
internal sealed class NodeWatch(NodeWatchOptions options)
{
    private readonly SortedDictionary<string, Sheet> _sheets = new(StringComparer.Ordinal);
    private TimeSpan _awake;
    private TimeSpan? _previous;

    /// <summary>Time has passed; <paramref name="view"/> says which processes are the nodes now.</summary>
    /// <param name="view">The cluster.</param>
    /// <param name="now">On a clock that only goes forward.</param>
    /// <param name="clock">The wall clock, which tells a process that just started from one that had time to.</param>
    public void Advance(ClusterView view, TimeSpan now, DateTimeOffset clock)
    {
        var gap = now - (_previous ?? now);
        _awake += gap > options.PingInterval / 2 ? options.PingInterval / 2 : gap;
        _previous = now;

        foreach (var node in view.Settings?.Nodes ?? [])
        {
            ProcessIdentity? process = view.Nodes.TryGetValue(node, out var report) ? report.Process : null;
            if (!_sheets.TryGetValue(node, out var sheet) || (process is not null && process != sheet.Process))
            {
                _sheets[node] = new Sheet { Process = process, Heard = _awake, Grown = _awake + GraceLeft(report, clock) };
            }
        }
    }

    /// <summary>The process answered a ping.</summary>
    public void Answered(string node, ProcessIdentity process)
    {
        if (_sheets.TryGetValue(node, out var sheet) && sheet.Process == process)
            sheet.Heard = _awake;
    }

    /// <summary>The kernel says that the process has ended.</summary>
    public void Exited(string node, ProcessIdentity process)
    {
        if (_sheets.TryGetValue(node, out var sheet) && sheet.Process == process)
            sheet.Ended = true;
    }

    /// <summary>What to think of a node, for the reconciler.</summary>
    public NodeHealth Judge(string node)
    {
        if (!_sheets.TryGetValue(node, out var sheet))
            return new NodeHealth(NodeCondition.Unknown, "not looked at yet");
        var starts = _awake < sheet.Grown;
        var patience = 2 * options.PingInterval;
        if (sheet.Process is null && starts)
            return new NodeHealth(NodeCondition.Unknown, "it has not reported yet");
        if (sheet.Process is not null && !sheet.Ended && (starts || _awake - sheet.Heard < patience))
            return new NodeHealth(NodeCondition.Alive, starts ? "it starts" : "it answers");

        sheet.FailedAt ??= _awake;
        var why = sheet switch
        {
            { Process: null } => "it has not reported",
            { Ended: true } => $"its process {sheet.Process.Value.Pid} ended",
            _ => $"its process {sheet.Process.Value.Pid} has not answered for {patience.TotalMilliseconds:0} ms",
        };
        return new NodeHealth(_awake - sheet.FailedAt < options.MoveAfter ? NodeCondition.Failed : NodeCondition.Lost, why);
    }

    /// <summary>What is left of the grace; a clock that was set back gives all of it and no more.</summary>
    private TimeSpan GraceLeft(NodeReport? report, DateTimeOffset clock)
    {
        var left = options.StartGrace - (report is null ? TimeSpan.Zero : clock - report.Since);
        return left < TimeSpan.Zero ? TimeSpan.Zero : left > options.StartGrace ? options.StartGrace : left;
    }

    private sealed class Sheet
    {
        public required ProcessIdentity? Process { get; init; }

        /// <summary>When its start grace ends.</summary>
        public required TimeSpan Grown { get; init; }

        public required TimeSpan Heard { get; set; }

        public bool Ended { get; set; }

        public TimeSpan? FailedAt { get; set; }
    }
}

namespace Conclave.Orchestration.Events;

/// <summary>Every kind of event there is. Kept as text, so that an older program shows a newer one's events.</summary>
public static class EventKind
{
    /// <summary>A node's process began its work; data: pid.</summary>
    public const string NodeStarted = "node-started";

    /// <summary>A node ended as asked.</summary>
    public const string NodeStopped = "node-stopped";

    /// <summary>The leader (or a sibling) found a node dead or hung.</summary>
    public const string NodeLost = "node-lost";

    /// <summary>A new process for a lost node was ordered or started; data: pid.</summary>
    public const string NodeReplaced = "node-replaced";

    /// <summary>A node of a cluster stopped by itself, for example because its disk failed.</summary>
    public const string NodeFailed = "node-failed";

    /// <summary>This node became leader; data: token.</summary>
    public const string LeaderElected = "leader-elected";

    /// <summary>This node is no longer leader.</summary>
    public const string LeaderLost = "leader-lost";

    /// <summary>The store refused a write of an old leader; data: token, current.</summary>
    public const string LeaderFenced = "leader-fenced";

    /// <summary>A majority of the voters no longer answers.</summary>
    public const string QuorumLost = "quorum-lost";

    /// <summary>A majority answers again.</summary>
    public const string QuorumRestored = "quorum-restored";

    /// <summary>The leader gave an instance to a node.</summary>
    public const string InstancePlaced = "instance-placed";

    /// <summary>A process was started; data: pid, port.</summary>
    public const string InstanceStarted = "instance-started";

    /// <summary>A running process was taken over from a former worker; data: pid, port.</summary>
    public const string InstanceAdopted = "instance-adopted";

    /// <summary>The ready probe succeeded; data: after_ms.</summary>
    public const string InstanceReady = "instance-ready";

    /// <summary>The ready probe failed often enough.</summary>
    public const string InstanceUnready = "instance-unready";

    /// <summary>The live probe failed often enough; the instance is killed.</summary>
    public const string InstanceHung = "instance-hung";

    /// <summary>The kernel has begun to end a process that was not asked to: it serves nobody any more. Not told of every end.</summary>
    public const string InstanceEnding = "instance-ending";

    /// <summary>A process ended; data: exit_code or signal.</summary>
    public const string InstanceExited = "instance-exited";

    /// <summary>The next start waits; data: delay_ms, attempt.</summary>
    public const string InstanceBackOff = "instance-back-off";

    /// <summary>Too many ends in a row.</summary>
    public const string InstanceCrashLoop = "instance-crash-loop";

    /// <summary>A process was asked to end.</summary>
    public const string InstanceStopping = "instance-stopping";

    /// <summary>A process ended as asked.</summary>
    public const string InstanceStopped = "instance-stopped";

    /// <summary>A process could not be started: no such program, no such directory.</summary>
    public const string InstanceFailed = "instance-failed";

    /// <summary>A gateway process was started; data: pid.</summary>
    public const string GatewayStarted = "gateway-started";

    /// <summary>A gateway process ended.</summary>
    public const string GatewayExited = "gateway-exited";

    /// <summary>A gateway sends requests to an instance again.</summary>
    public const string GatewayInserted = "gateway-inserted";

    /// <summary>A gateway took an instance out of rotation; data: after_ms.</summary>
    public const string GatewayRemoved = "gateway-removed";

    /// <summary>A log cannot be kept within its size; told once, tried again each second. The subject is the file.</summary>
    public const string LogUntrimmed = "log-untrimmed";

    /// <summary>A person changed the number of instances; data: from, to.</summary>
    public const string ServiceScaled = "service-scaled";

    /// <summary>A person asked for a restart, stop or start.</summary>
    public const string ServiceChanged = "service-changed";

    /// <summary>A file was taken over as the new wish; data: hash.</summary>
    public const string ClusterApplied = "cluster-applied";

    /// <summary>A person sent a signal with <c>conclave kill</c>; data: pid, signal.</summary>
    public const string SignalSent = "signal-sent";
}

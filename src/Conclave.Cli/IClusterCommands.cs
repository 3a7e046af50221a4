using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli;

/// <summary>Where a cluster keeps its things; all that is needed to talk to a running one.</summary>
/// <param name="DataDirectory">Absolute.</param>
internal readonly record struct ClusterLocation(string DataDirectory)
{
    public override string ToString() => DataDirectory;
}

/// <summary>What <c>up</c> is asked for.</summary>
/// <param name="Spec">Checked.</param>
/// <param name="File">The file it came from, for messages.</param>
/// <param name="Detach">The cluster outlives this process and its terminal.</param>
internal sealed record UpRequest(ClusterSpec Spec, string File, bool Detach)
{
    /// <summary>How long everything may take to become ready. Default 60 s.</summary>
    public TimeSpan ReadyPatience { get; init; } = TimeSpan.FromSeconds(60);

    public ClusterLocation Location => new(Spec.DataDirectory);
}

/// <summary>One process that got a signal.</summary>
/// <param name="Id">What the target turned out to be: <c>leader</c> becomes <c>node-2</c>.</param>
internal sealed record Signalled(string Id, int Pid, Signal Signal);

/// <summary>One file that <c>logs</c> reads.</summary>
/// <param name="Id">Instance, node or gateway: the prefix of its lines when there are several.</param>
internal sealed record LogFile(string Id, string Path);

/// <summary>The work behind the commands. Every method throws <see cref="ConclaveException"/> for what a person can act on;
/// a cluster that does not run is <see cref="ExitCode.NotRunning"/>. The commands parse and render, nothing else.</summary>
internal interface IClusterCommands
{
    /// <summary>Starts what is asked for, or attaches when only the foreground <c>up</c> had died. Returns once every service is ready or
    /// throws; on a throw or a cancellation nothing it started is left behind.</summary>
    Task<ClusterStatus> UpAsync(UpRequest request, IProgress<string> progress, CancellationToken stopping);

    /// <summary>The duty of a foreground <c>up</c> after <see cref="UpAsync"/>: replaces nodes when no leader can.
    /// Ends by cancellation, or by itself when somebody else ran <c>down</c>.</summary>
    Task GuardAsync(UpRequest request, CancellationToken stopping);

    /// <summary>Stops everything that <see cref="UpAsync"/> started, gracefully first, and nothing else.</summary>
    Task DownAsync(ClusterLocation cluster, IProgress<string> progress, CancellationToken stopping);

    /// <summary>A cluster without a quorum or a node still has a status. Throws only when there never was one here.</summary>
    Task<ClusterStatus> StatusAsync(ClusterLocation cluster, CancellationToken stopping);

    /// <param name="cluster">Which cluster.</param>
    /// <param name="target"><c>web/2</c>, <c>web</c> (all its instances), <c>node-2</c>, <c>leader</c>, <c>gateway/1</c>.</param>
    /// <param name="signal">Sent as it is.</param>
    /// <param name="stopping">Ends the attempt.</param>
    Task<IReadOnlyList<Signalled>> KillAsync(ClusterLocation cluster, string target, Signal signal, CancellationToken stopping);

    /// <summary>Returns the count before.</summary>
    Task<int> ScaleAsync(ClusterLocation cluster, string service, int replicas, CancellationToken stopping);

    /// <summary>Accepted by the store when it returns; the workers do it after.</summary>
    Task RestartAsync(ClusterLocation cluster, string target, CancellationToken stopping);

    /// <inheritdoc cref="RestartAsync"/>
    Task StopAsync(ClusterLocation cluster, string target, CancellationToken stopping);

    /// <inheritdoc cref="RestartAsync"/>
    Task StartAsync(ClusterLocation cluster, string target, CancellationToken stopping);

    /// <summary>At least one file; works while nothing runs.</summary>
    Task<IReadOnlyList<LogFile>> LogFilesAsync(ClusterLocation cluster, string target, CancellationToken stopping);

    /// <summary>The directories of all nodes' event logs; empty when there never was a cluster here.</summary>
    IReadOnlyList<string> EventDirectories(ClusterLocation cluster);

    /// <summary>One member of a coordination group, until <paramref name="stopping"/>.</summary>
    Task<int> ServeAsync(ServeOptions options, CancellationToken stopping);

    /// <summary>The process of one node, with the arguments that <see cref="UpAsync"/> gave it.</summary>
    Task<int> NodeAsync(IReadOnlyList<string> arguments, CancellationToken stopping);

    /// <summary>The process of one gateway, with the arguments that its node gave it.</summary>
    Task<int> GatewayAsync(IReadOnlyList<string> arguments, CancellationToken stopping);
}

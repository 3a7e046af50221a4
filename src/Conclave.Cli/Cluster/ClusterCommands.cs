using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Cluster;

/// <summary>Joins the commands to nodes, store and processes.</summary>
internal sealed class ClusterCommands : IClusterCommands
{
    public Task<ClusterStatus> UpAsync(UpRequest request, IProgress<string> progress, CancellationToken stopping) => throw Missing();

    public Task GuardAsync(UpRequest request, CancellationToken stopping) => throw Missing();

    public Task DownAsync(ClusterLocation cluster, IProgress<string> progress, CancellationToken stopping) => throw Missing();

    public Task<ClusterStatus> StatusAsync(ClusterLocation cluster, CancellationToken stopping) => throw Missing();

    public Task<IReadOnlyList<Signalled>> KillAsync(ClusterLocation cluster, string target, Signal signal, CancellationToken stopping) => throw Missing();

    public Task<int> ScaleAsync(ClusterLocation cluster, string service, int replicas, CancellationToken stopping) => throw Missing();

    public Task RestartAsync(ClusterLocation cluster, string target, CancellationToken stopping) => throw Missing();

    public Task StopAsync(ClusterLocation cluster, string target, CancellationToken stopping) => throw Missing();

    public Task StartAsync(ClusterLocation cluster, string target, CancellationToken stopping) => throw Missing();

    public Task<IReadOnlyList<LogFile>> LogFilesAsync(ClusterLocation cluster, string target, CancellationToken stopping) => throw Missing();

    public IReadOnlyList<string> EventDirectories(ClusterLocation cluster) => throw Missing();

    public Task<int> ServeAsync(ServeOptions options, CancellationToken stopping) => throw Missing();

    public Task<int> NodeAsync(IReadOnlyList<string> arguments, CancellationToken stopping) => throw Missing();

    public Task<int> GatewayAsync(IReadOnlyList<string> arguments, CancellationToken stopping) => throw Missing();

    private static ConclaveException Missing() => new("this build has no cluster behind its commands yet; take a newer one");
}

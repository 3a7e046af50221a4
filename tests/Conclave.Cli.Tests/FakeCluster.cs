using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests;

/// <summary>Stands in for a cluster where only the words of the commands are tested: answers from <see cref="Statuses"/>, remembers the calls.</summary>
internal sealed class FakeCluster : IClusterCommands
{
    public Queue<ClusterStatus> Statuses { get; } = new();

    public List<string> Calls { get; } = [];

    public List<LogFile> Logs { get; } = [];

    public List<string> Directories { get; } = [];

    public ServeOptions? Served { get; private set; }

    public TaskCompletionSource Guarding { get; } = new();

    public Task<ClusterStatus> UpAsync(UpRequest request, IProgress<string> progress, CancellationToken stopping)
    {
        Calls.Add($"up {request.Spec.Name} detach={request.Detach}");
        progress.Report("starting");
        return Task.FromResult(Statuses.Peek());
    }

    public Task GuardAsync(UpRequest request, CancellationToken stopping) => Guarding.Task.WaitAsync(stopping);

    public Task DownAsync(ClusterLocation cluster, IProgress<string> progress, CancellationToken stopping) => Done($"down {cluster}");

    public Task<ClusterStatus> StatusAsync(ClusterLocation cluster, CancellationToken stopping)
    {
        Calls.Add($"status {cluster}");
        if (Statuses.Count == 0)
            throw new ConclaveException("nothing runs here; 'conclave up' starts it", ExitCode.NotRunning);
        return Task.FromResult(Statuses.Count > 1 ? Statuses.Dequeue() : Statuses.Peek());
    }

    public async Task<IReadOnlyList<Signalled>> KillAsync(ClusterLocation cluster, string target, Signal signal, CancellationToken stopping)
    {
        await Done($"kill {target} {signal}");
        return [new Signalled("node-2", 42, signal)];
    }

    public async Task<int> ScaleAsync(ClusterLocation cluster, string service, int replicas, CancellationToken stopping)
    {
        await Done($"scale {service}={replicas}");
        return 3;
    }

    public Task RestartAsync(ClusterLocation cluster, string target, CancellationToken stopping) => Done($"restart {target}");

    public Task StopAsync(ClusterLocation cluster, string target, CancellationToken stopping) => Done($"stop {target}");

    public Task StartAsync(ClusterLocation cluster, string target, CancellationToken stopping) => Done($"start {target}");

    public Task<IReadOnlyList<LogFile>> LogFilesAsync(ClusterLocation cluster, string target, CancellationToken stopping) =>
        Task.FromResult<IReadOnlyList<LogFile>>(Logs);

    public IReadOnlyList<string> EventDirectories(ClusterLocation cluster) => Directories;

    public Task<int> ServeAsync(ServeOptions options, CancellationToken stopping)
    {
        Served = options;
        return Task.FromResult(ExitCode.Ok);
    }

    public Task<int> NodeAsync(IReadOnlyList<string> arguments, CancellationToken stopping)
    {
        Calls.Add("node " + string.Join(' ', arguments));
        return Task.FromResult(7);
    }

    public Task<int> GatewayAsync(IReadOnlyList<string> arguments, CancellationToken stopping) => Task.FromResult(8);

    private Task Done(string call)
    {
        Calls.Add(call);
        return Task.CompletedTask;
    }
}

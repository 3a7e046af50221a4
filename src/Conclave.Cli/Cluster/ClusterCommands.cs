using Conclave.Orchestration;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Conclave.Cli.Cluster;

/// <summary>The real thing behind the commands.</summary>
internal sealed class ClusterCommands : IClusterCommands
{
    private DirectoryLock? _upLock;
    private Startup? _startup;

    public async Task<ClusterStatus> UpAsync(UpRequest request, IProgress<string> progress, CancellationToken stopping)
    {
        await using var cluster = ClusterHandle.Of(request.Spec);
        RefuseOther(request);
        cluster.Directory.Create();
        _upLock = DirectoryLock.TryAcquire(cluster.Directory.Root);
        if (_upLock is null)
        {
            var holder = DirectoryLock.ReadHolder(cluster.Directory.Root);
            throw new ConclaveException($"another 'conclave up' ({holder}) runs this cluster; stop it with Ctrl-C there or 'conclave down', or give this one another data directory");
        }

        var shutdown = new Shutdown(cluster, progress);
        var attaching = shutdown.AnythingRuns();
        try
        {
            _startup = new Startup(cluster, request, progress);
            var status = await _startup.RunAsync(stopping);
            if (!request.Detach)
                return status;
            if (status.State != ClusterState.Healthy)
                throw new ConclaveException(Startup.WhyNotReady(status));
            _upLock.Dispose();
            return status;
        }
        catch
        {
            // What ran before goes on: a mistake in a changed file must not take down what served until now.
            if (!attaching)
                await shutdown.RunAsync(CancellationToken.None);
            _upLock.Dispose();
            throw;
        }
    }

    public async Task GuardAsync(UpRequest request, CancellationToken stopping)
    {
        if (_startup is null)
            throw new InvalidOperationException("There is nothing to guard before it was started.");
        await using var cluster = ClusterHandle.Of(request.Spec);
        var launcher = NodeLauncher.OfThisProgram(cluster.Directory, _startup.Listeners);
        using var events = new EventLog(EventLog.DirectoryOf(Path.Combine(cluster.Directory.Root, "up")), "up");
        var keeper = new NodeKeeper(
            "up", cluster.Nodes, cluster.Directory, launcher, (kind, subject, why) => events.Append(kind, subject, why: why), NullLogger.Instance, TimeProvider.System);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var duties = Task.WhenAll(
            // While one node lives it restores the others; this process is only for the case that none does.
            keeper.KeepWithoutLeaderAsync(() => cluster.Nodes.Any(n => cluster.Holder(n) is not null), ended.Token),
            OrphanReaper.IsNeeded ? new OrphanReaper(TimeProvider.System).RunAsync(ended.Token) : Task.CompletedTask);
        while (!ended.IsCancellationRequested && !(File.Exists(cluster.Directory.DownMark) && cluster.Nodes.All(n => cluster.Holder(n) is null)))
            await Task.Delay(TimeSpan.FromMilliseconds(250), stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await ended.CancelAsync();
        await duties;
        _upLock?.Dispose();
    }

    public async Task DownAsync(ClusterLocation cluster, IProgress<string> progress, CancellationToken stopping)
    {
        await using var handle = ClusterHandle.Open(cluster);
        await new Shutdown(handle, progress).RunAsync(stopping);
        _upLock?.Dispose();
    }

    public async Task<ClusterStatus> StatusAsync(ClusterLocation cluster, CancellationToken stopping)
    {
        await using var handle = ClusterHandle.Open(cluster);
        return await handle.StatusAsync(stopping);
    }

    public async Task<IReadOnlyList<Signalled>> KillAsync(ClusterLocation cluster, string target, Signal signal, CancellationToken stopping)
    {
        await using var handle = ClusterHandle.Open(cluster);
        var done = new List<Signalled>();
        foreach (var (id, identity) in await new Targets(handle).ProcessesAsync(target, stopping))
        {
            using var process = SupervisedProcess.Adopt(identity);
            if (process is null || !process.Signal(signal))
                continue;
            done.Add(new Signalled(id, identity.Pid, signal));
        }

        return done.Count > 0 ? done : throw new ConclaveException($"{target} had ended already");
    }

    public Task<int> ScaleAsync(ClusterLocation cluster, string service, int replicas, CancellationToken stopping) =>
        WithRunningAsync(cluster, changes => changes.ScaleAsync(service, replicas, stopping));

    public Task RestartAsync(ClusterLocation cluster, string target, CancellationToken stopping) =>
        WithRunningAsync(cluster, async changes => { await changes.RestartAsync(target, stopping); return 0; });

    public Task StopAsync(ClusterLocation cluster, string target, CancellationToken stopping) =>
        WithRunningAsync(cluster, async changes => { await changes.StopAsync(target, stopping); return 0; });

    public Task StartAsync(ClusterLocation cluster, string target, CancellationToken stopping) =>
        WithRunningAsync(cluster, async changes => { await changes.StartAsync(target, stopping); return 0; });

    public async Task<IReadOnlyList<LogFile>> LogFilesAsync(ClusterLocation cluster, string target, CancellationToken stopping)
    {
        await using var handle = ClusterHandle.Open(cluster);
        return new Targets(handle).Logs(target);
    }

    public IReadOnlyList<string> EventDirectories(ClusterLocation cluster)
    {
        var directory = new ClusterDirectory(cluster.DataDirectory);
        return Directory.Exists(directory.Root)
            ? [.. Directory.EnumerateDirectories(directory.Root).Select(EventLog.DirectoryOf).Where(Directory.Exists)]
            : [];
    }

    public Task<int> ServeAsync(ServeOptions options, CancellationToken stopping) => ServeProgram.RunAsync(options, stopping);

    public Task<int> NodeAsync(IReadOnlyList<string> arguments, CancellationToken stopping) => NodeProgram.RunAsync(ChildArguments.Parse(arguments), stopping);

    public Task<int> GatewayAsync(IReadOnlyList<string> arguments, CancellationToken stopping) => GatewayProgram.RunAsync(ChildArguments.Parse(arguments), stopping);

    /// <summary>Another cluster's directory is left as it is.</summary>
    private static void RefuseOther(UpRequest request)
    {
        if (ClusterHandle.TryOpen(request.Location) is { } was && was.Spec.Name != request.Spec.Name)
        {
            throw new ConclaveException(
                $"{request.Location} has the cluster '{was.Spec.Name}', {request.File} describes '{request.Spec.Name}'; give this one its own directory (cluster: data:)");
        }
    }

    private static async Task<T> WithRunningAsync<T>(ClusterLocation location, Func<ServiceChanges, Task<T>> change)
    {
        await using var handle = ClusterHandle.Open(location);
        if (handle.Nodes.All(n => handle.Holder(n) is null))
            throw new ConclaveException("no node of this cluster runs; start it with 'conclave up'", ExitCode.NotRunning);
        return await change(new ServiceChanges(handle));
    }
}

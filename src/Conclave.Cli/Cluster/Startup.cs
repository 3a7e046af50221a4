using System.Collections.Immutable;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using Conclave.Orchestration;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;
using Conclave.Wire.Etcd;

namespace Conclave.Cli.Cluster;

/// <summary>Brings a cluster up: what <c>conclave up</c> does before it sits down to watch.</summary>
internal sealed class Startup(ClusterHandle cluster, UpRequest request, IProgress<string> progress)
{
    private const int Backlog = 4_096;
    private static readonly TimeSpan StorePatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(25);

    /// <summary>The gateways' listening sockets, to be inherited by every node.</summary>
    public ImmutableArray<int> Listeners { get; private set; } = [];

    /// <summary>The node processes that this one started, to be collected when they end.</summary>
    public ImmutableArray<SupervisedProcess> Started { get; private set; } = [];

    /// <summary>Starts what does not run, applies the file, and waits until everything serves.</summary>
    public async Task<ClusterStatus> RunAsync(CancellationToken stopping)
    {
        var directory = cluster.Directory;
        RequireCommands(request);
        directory.Create();
        Listeners = await ListenersAsync(stopping);
        File.Delete(directory.DownMark);
        directory.WriteSpec(cluster.Spec);

        var launcher = NodeLauncher.OfThisProgram(directory, Listeners);
        var missing = cluster.Nodes.Where(n => cluster.Holder(n) is null).ToList();
        progress.Report(missing.Count == cluster.Nodes.Length ? $"starting {Counted.Of(missing.Count, "node")}" : $"attaching, starting {missing.Count} of {cluster.Nodes.Length} nodes");
        var started = missing.ToDictionary(n => n, launcher.Start, StringComparer.Ordinal);
        Started = [.. started.Values];
        await ApplyAsync(started, stopping);
        return await AwaitServingAsync(stopping);
    }

    /// <summary>A command that does not exist is said before anything is started.</summary>
    private static void RequireCommands(UpRequest request)
    {
        foreach (var service in request.Spec.Services)
        {
            try
            {
                var path = service.Environment.GetValueOrDefault("PATH") ?? Environment.GetEnvironmentVariable("PATH");
                _ = CommandSearch.Resolve(service.Command[0], service.Directory, path);
            }
            catch (ProcessStartException problem)
            {
                throw new ConclaveException($"{request.File}: service {service.Name}: {problem.Message}", ExitCode.Usage, problem);
            }
        }
    }

    /// <summary>The sockets of a running cluster if there is one, from a node or, when all nodes died, from a gateway; else new ones.</summary>
    private async Task<ImmutableArray<int>> ListenersAsync(CancellationToken stopping)
    {
        var directory = cluster.Directory;
        var controls = cluster.Nodes.Select(directory.ControlSocket)
            .Concat(Enumerable.Range(1, cluster.Spec.Gateway.Replicas).Select(directory.GatewayControl));
        foreach (var path in controls)
        {
            await using var control = new ControlClient(path);
            if (await control.ListenersAsync(TimeSpan.FromSeconds(1), stopping) is { } found && found.Length == cluster.Spec.Gateway.Listen.Length)
                return found;
        }

        return [.. cluster.Spec.Gateway.Listen.Select(Bind)];
    }

    private static int Bind(string url)
    {
        var uri = new Uri(url);
        var address = uri.Host switch
        {
            "localhost" => IPAddress.Loopback,
            "*" or "+" => IPAddress.Any,
            var host => IPAddress.Parse(host.Trim('[', ']')),
        };
        return ListeningSocket.Bind(new IPEndPoint(address, uri.Port), Backlog).Descriptor;
    }

    private async Task ApplyAsync(Dictionary<string, SupervisedProcess> started, CancellationToken stopping)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        patience.CancelAfter(StorePatience);
        progress.Report("electing a leader");
        while (true)
        {
            try
            {
                await new DesiredState(cluster).ApplyAsync(patience.Token);
                return;
            }
            catch (EtcdException notYet) when (!patience.IsCancellationRequested)
            {
                RequireSomeAlive(started, notYet);
                await Task.Delay(Look, patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception failed) when (failed is OperationCanceledException or EtcdException && !stopping.IsCancellationRequested)
            {
                throw new ConclaveException(
                    $"the store did not answer within {StorePatience.TotalSeconds:0} s; see {cluster.Directory.NodeLog(cluster.Nodes[0])}", ExitCode.Failed, failed);
            }
        }
    }

    private void RequireSomeAlive(Dictionary<string, SupervisedProcess> started, Exception cause)
    {
        if (started.Count == 0 || !started.Values.All(p => p.Exited.IsCompleted))
            return;
        var node = started.Keys.Order(StringComparer.Ordinal).First();
        var log = cluster.Directory.NodeLog(node);
        var last = File.Exists(log) ? File.ReadLines(log).LastOrDefault(l => l.Length > 0) : null;
        throw new ConclaveException($"every node ended at once: {last ?? "nothing in its log"}; see {log}", ExitCode.Failed, cause);
    }

    private async Task<ClusterStatus> AwaitServingAsync(CancellationToken stopping)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        patience.CancelAfter(request.ReadyPatience);
        var said = "";
        while (true)
        {
            var status = await cluster.StatusAsync(stopping);
            if (status.State == ClusterState.Healthy)
                return status;
            if (status.Summary != said)
                progress.Report(said = status.Summary);
            if (patience.IsCancellationRequested || HopelessWhy(status) is not null)
                return status;
            await Task.Delay(Look, stopping);
        }
    }

    /// <summary>What will not become ready by waiting: in the foreground the view shows it, detached it is the answer.</summary>
    internal static string? HopelessWhy(ClusterStatus status) =>
        status.Services.SelectMany(s => s.Instances).FirstOrDefault(i => i.State is RunState.Failed or RunState.CrashLoop) is { } hopeless
            ? $"{hopeless.Id}: {hopeless.Why}; see 'conclave logs {hopeless.Id}'"
            : null;

    /// <summary>Why a cluster that was waited for is not what it should be.</summary>
    internal static string WhyNotReady(ClusterStatus status) =>
        HopelessWhy(status)
        ?? (status.Services.SelectMany(s => s.Instances).FirstOrDefault(i => i.State != RunState.Ready && i.Why is not null) is { } late
            ? $"{late.Id} did not become ready: {late.Why}; see 'conclave logs {late.Id}', or wait longer with --timeout"
            : $"not everything became ready: {status.Summary}");
}

/// <summary>Makes the store say what the file says, where the file changed; where it did not, the store wins.</summary>
internal sealed class DesiredState(ClusterHandle cluster)
{
    public async Task ApplyAsync(CancellationToken cancel)
    {
        var keys = cluster.Store.Keys;
        var spec = cluster.Spec;
        await cluster.Store.UpdateAsync(
            keys.Settings,
            ClusterJson.Default.ClusterSettings,
            was => Settle(was, new ClusterSettings(cluster.Nodes, spec.Gateway)),
            cancel);
        foreach (var service in spec.Services.Append(GatewayService()))
            await cluster.Store.UpdateAsync(keys.Service(service.Name), ClusterJson.Default.ServiceState, was => Settle(was, service), cancel);

        var view = await cluster.Store.ReadAsync(serializable: false, cancel);
        foreach (var name in view.Services.Keys.Where(n => n != ClusterNames.Gateway && spec.Service(n) is null))
            await cluster.Store.DeleteAsync(keys.Service(name), cancel);
    }

    private static ClusterSettings? Settle(ClusterSettings? was, ClusterSettings now) =>
        was is not null && was.Nodes.SequenceEqual(now.Nodes) && was.Gateway == now.Gateway ? null : now;

    internal static ServiceState? Settle(ServiceState? was, ServiceSpec service)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(service, ModelJson.Default.ServiceSpec)))[..16];
        if (was?.FileHash == hash)
            return null;
        var replaces = was is not null && was.Spec.Hash != service.Hash;
        return new ServiceState
        {
            Spec = service,
            Replicas = was is not null && was.FileReplicas == service.Replicas ? was.Replicas : service.Replicas,
            FileReplicas = service.Replicas,
            FileHash = hash,
            Generation = (was?.Generation ?? 1) + (replaces ? 1 : 0),
            Stopped = was?.Stopped ?? false,
            StoppedInstances = was?.StoppedInstances ?? [],
        };
    }

    /// <summary>The gateways are instances like any other; only their probe and their sockets are special (DESIGN 2).</summary>
    private ServiceSpec GatewayService() => new()
    {
        Name = ClusterNames.Gateway,
        Command = ["conclave", "gateway"],
        Directory = cluster.Directory.Root,
        Replicas = cluster.Spec.Gateway.Replicas,
        Ready = new ProbeSpec { Kind = ProbeKind.Http, Path = "/health", Interval = TimeSpan.FromSeconds(5) }, // once it serves, the live probe says all there is to say
        Live = new ProbeSpec { Kind = ProbeKind.Http, Path = "/health", Interval = TimeSpan.FromSeconds(1), Timeout = TimeSpan.FromMilliseconds(500), Failures = 2 },
    };
}

using System.Globalization;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Gateway;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;
using Conclave.Wire.Etcd;
using Microsoft.Extensions.Logging;

namespace Conclave.Cli.Cluster;

/// <summary>The process of one gateway.</summary>
internal static class GatewayProgram
{
    public static async Task<int> RunAsync(ChildArguments arguments, CancellationToken stopping)
    {
        await using var cluster = ClusterHandle.Open(new ClusterLocation(arguments.Data));
        using var logs = NodeLogging.Create();
        var directory = cluster.Directory;
        var name = string.Create(CultureInfo.InvariantCulture, $"gateway/{arguments.Number}");
        var watcher = new ClusterWatcher(cluster.Store, logs.CreateLogger("Conclave.Gateway"));
        var limits = cluster.Spec.Gateway;
        var gateway = new GatewayProcess(
            new GatewayOptions
            {
                Name = name,
                Listen = [.. arguments.Listeners.Zip(limits.Listen, (n, url) => new GatewayListen.Descriptor(n) { Http2 = GatewaySpec.IsHttp2(url) })],
                ControlSocketPath = directory.GatewaySocket(arguments.Number),
                AccessLog = new GatewayAccessLogOptions
                {
                    Path = Path.Combine(directory.Logs, string.Create(CultureInfo.InvariantCulture, $"access-{arguments.Number}.log")),
                },
                Limits = new GatewayLimits
                {
                    RequestBodyBytes = limits.MaxRequestBodyBytes,
                    ConcurrentConnections = limits.MaxConnections,
                    AnswerTimeout = limits.RequestTimeout,
                },
            },
            logs);

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var control = new NodeControl(
            directory.GatewayControl(arguments.Number), [.. arguments.Listeners], _ => Task.CompletedTask, logs.CreateLogger("Conclave.Control"));
        var watching = Task.WhenAll(watcher.RunAsync(ended.Token), control.RunAsync(ended.Token));
        try
        {
            // The tables go on while the gateway drains: an instance that dies meanwhile must still be left.
            await gateway.RunAsync(RoutingTable.FollowAsync(watcher, CancellationToken.None), stopping);
        }
        finally
        {
            await ended.CancelAsync();
            await watching;
        }

        return 0;
    }
}

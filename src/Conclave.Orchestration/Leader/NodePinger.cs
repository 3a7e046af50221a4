using System.Threading.Channels;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Leader;

/// <summary>A sign of life, or of death, of one process of a node.</summary>
internal readonly record struct NodeSign(string Node, ProcessIdentity Process);

/// <summary>Pings every node of the view each T, and, for those on this host, has the kernel say when they end.</summary>
internal sealed class NodePinger(TimeSpan interval, ChannelWriter<NodeSign> answers, ChannelWriter<NodeSign> ends, TimeProvider time)
{
    public async Task RunAsync(ClusterWatcher watcher, CancellationToken stopping)
    {
        var running = new Dictionary<string, (ProcessIdentity Process, Task Task, CancellationTokenSource Stop)>(StringComparer.Ordinal);
        try
        {
            var view = watcher.View;
            while (true)
            {
                foreach (var (name, report) in view.Nodes)
                {
                    if (running.TryGetValue(name, out var old))
                    {
                        if (old.Process == report.Process)
                            continue;
                        await EndAsync(old.Stop, old.Task);
                    }

                    var stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
                    running[name] = (report.Process, WatchAsync(report, stop.Token), stop);
                }

                view = await watcher.NextAsync(view, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Done.
        }
        finally
        {
            foreach (var (_, task, stop) in running.Values)
                await EndAsync(stop, task);
        }
    }

    private static async Task EndAsync(CancellationTokenSource stop, Task task)
    {
        await stop.CancelAsync();
        await task;
        stop.Dispose();
    }

    private async Task WatchAsync(NodeReport report, CancellationToken stopping) =>
        await Task.WhenAll(PingAsync(report, stopping), AwaitEndAsync(report, stopping));

    private async Task PingAsync(NodeReport report, CancellationToken stopping)
    {
        await using var control = new ControlClient(report.Control);
        while (!stopping.IsCancellationRequested)
        {
            var began = time.GetTimestamp();
            if (await control.PingAsync(interval, stopping) == report.Process.Pid)
                answers.TryWrite(new NodeSign(report.Name, report.Process));
            var rest = interval - time.GetElapsedTime(began);
            if (rest > TimeSpan.Zero)
                await Task.Delay(rest, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task AwaitEndAsync(NodeReport report, CancellationToken stopping)
    {
        if (report.Process.BootId != ProcessIdentity.Own.BootId)
            return; // another host: silence is all that can be noticed
        using var process = SupervisedProcess.Adopt(report.Process);
        if (process is not null)
            await ((Task)process.Exited).WaitAsync(stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!stopping.IsCancellationRequested)
            ends.TryWrite(new NodeSign(report.Name, report.Process));
    }
}

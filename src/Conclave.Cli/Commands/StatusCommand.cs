using System.CommandLine;
using System.Text.Json;
using Conclave.Cli.Rendering;
using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Commands;

internal static class StatusCommand
{
    public static Command Create(CommandContext context)
    {
        var file = ClusterLocator.FileOption();
        var watch = new Option<bool>("--watch", "-w") { Description = "Show changes as they happen, until Ctrl-C." };
        var json = new Option<bool>("--json") { Description = "One JSON object, with --watch one per line: v, state, summary, leader, nodes, services, gateways." };
        var command = new Command(
            "status",
            """
            Say in one sentence how the cluster is, then show leader, term, fencing token, nodes, instances and gateways.

            Ends with 0 when healthy, 4 when degraded, electing or without a quorum, 3 when no node runs (what outlived the nodes is counted).
            """)
        {
            file, watch, json,
        };
        command.SetAction(async (result, stopping) =>
        {
            var location = ClusterLocator.Locate(result.GetValue(file), context.Terminal.WorkingDirectory);
            return result.GetValue(watch)
                ? await WatchAsync(context, location, result.GetValue(json), stopping)
                : await OnceAsync(context, location, result.GetValue(json), stopping);
        });
        return command;
    }

    internal static int ExitCodeOf(ClusterState state) => state switch
    {
        ClusterState.Healthy => ExitCode.Ok,
        ClusterState.Stopped => ExitCode.NotRunning,
        _ => ExitCode.Degraded,
    };

    internal static string Json(ClusterStatus status) => JsonSerializer.Serialize(status, ModelJson.Default.ClusterStatus);

    private static async Task<int> OnceAsync(CommandContext context, ClusterLocation location, bool json, CancellationToken stopping)
    {
        var status = await context.Cluster.StatusAsync(location, stopping);
        await context.Terminal.Out.WriteAsync(json ? Json(status) + "\n" : StatusText.Full(status, context.Time.GetUtcNow()));
        return ExitCodeOf(status.State);
    }

    private static async Task<int> WatchAsync(CommandContext context, ClusterLocation location, bool json, CancellationToken stopping)
    {
        var statuses = Watching.StatusesAsync(context, location, stopping);
        if (!json)
        {
            await Watching.ShowAsync(context, location, statuses, "Ctrl-C ends the view, not the cluster", stopping);
            return ExitCode.Ok;
        }

        await foreach (var status in statuses)
            context.Line(Json(status));
        return ExitCode.Ok;
    }
}

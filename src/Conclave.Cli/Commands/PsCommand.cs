using System.CommandLine;
using System.Text.Json;
using Conclave.Cli.Rendering;
using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Commands;

internal static class PsCommand
{
    public static Command Create(CommandContext context)
    {
        var file = ClusterLocator.FileOption();
        var json = new Option<bool>("--json") { Description = "One JSON object per line: id, pid, port, node, state, restarts, since." };
        var command = new Command("ps", "List instances and gateways, one per line, with pid, port and node.") { file, json };
        command.SetAction(async (result, stopping) =>
        {
            var location = ClusterLocator.Locate(result.GetValue(file), context.Terminal.WorkingDirectory);
            var status = await context.Cluster.StatusAsync(location, stopping);
            if (!result.GetValue(json))
                await context.Terminal.Out.WriteAsync(StatusText.Processes(status, context.Time.GetUtcNow()));
            else
            {
                foreach (var instance in status.Services.SelectMany(service => service.Instances).Concat(status.Gateways))
                    context.Line(JsonSerializer.Serialize(instance, ModelJson.Default.InstanceStatus));
            }

            return status.State == ClusterState.Stopped ? ExitCode.NotRunning : ExitCode.Ok;
        });
        return command;
    }
}

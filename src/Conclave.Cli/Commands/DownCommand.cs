using System.CommandLine;
using Conclave.Orchestration;

namespace Conclave.Cli.Commands;

internal static class DownCommand
{
    public static Command Create(CommandContext context)
    {
        var file = ClusterLocator.FileOption();
        var command = new Command("down", "Stop everything that 'up' started, gracefully, and nothing else. The data stays; 'up' goes on from it.") { file };
        command.SetAction(async (result, stopping) =>
        {
            var location = ClusterLocator.Locate(result.GetValue(file), context.Terminal.WorkingDirectory);
            await context.Cluster.DownAsync(location, new LineProgress(context.Terminal.Error), stopping);
            context.Line("Stopped.");
            return ExitCode.Ok;
        });
        return command;
    }
}

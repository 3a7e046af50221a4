using System.CommandLine;
using System.Globalization;
using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Commands;

internal static class KillCommand
{
    public static Command Create(CommandContext context)
    {
        var file = ClusterLocator.FileOption();
        var target = new Argument<string>("TARGET") { Description = "web/2, web (all its instances), node-2, leader or gateway/1." };
        var signal = new Option<string>("--signal", "-s")
        {
            Description = $"KILL ends it, STOP makes it hang, TERM asks it to end. One of {string.Join(", ", Signal.Names)}.",
            DefaultValueFactory = _ => "KILL",
            HelpName = "KILL|STOP|TERM",
        };
        var command = new Command(
            "kill",
            """
            Send a signal to a process of the cluster, to see it heal. Nobody is told beforehand: what follows is what follows a real failure.

            Only processes that this cluster started, of this user, on this host.
            """)
        {
            target, signal, file,
        };
        command.SetAction(async (result, stopping) =>
        {
            var location = ClusterLocator.Locate(result.GetValue(file), context.Terminal.WorkingDirectory);
            if (!Signal.TryParse(result.GetValue(signal), out var chosen))
                throw new ConclaveException($"'{result.GetValue(signal)}' is not a signal; write one of {string.Join(", ", Signal.Names)}", ExitCode.Usage);
            foreach (var hit in await context.Cluster.KillAsync(location, result.GetValue(target)!, chosen, stopping))
                context.Line(string.Create(CultureInfo.InvariantCulture, $"sent {hit.Signal} to {hit.Id} (pid {hit.Pid})"));
            return ExitCode.Ok;
        });
        return command;
    }
}

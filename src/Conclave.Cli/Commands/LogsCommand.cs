using System.CommandLine;
using Conclave.Orchestration;

namespace Conclave.Cli.Commands;

internal static class LogsCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    public static Command Create(CommandContext context)
    {
        var file = ClusterLocator.FileOption();
        file.Aliases.Clear(); // -f follows here, as in tail
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with each new line, until Ctrl-C." };
        var lines = new Option<int>("--lines", "-n") { Description = "How many of the past.", DefaultValueFactory = _ => 100, HelpName = "N" };
        var target = new Argument<string>("TARGET") { Description = "web/1, web (all its instances), node-2 or gateway/1." };
        var command = new Command("logs", "Show what a process wrote to its output; works while nothing runs.") { target, file, follow, lines };
        command.Validators.Add(result =>
        {
            if (result.GetValue(lines) < 0)
                result.AddError("--lines takes a number from 0");
        });
        command.SetAction(async (result, stopping) =>
        {
            var location = ClusterLocator.Locate(result.GetValue(file), context.Terminal.WorkingDirectory);
            var logs = await context.Cluster.LogFilesAsync(location, result.GetValue(target)!, stopping);
            var tails = logs.Select(log => new LogTail(log.Path, logs.Count == 1 ? "" : $"{log.Id} | ")).ToList();
            foreach (var tail in tails)
                tail.PrintLast(result.GetValue(lines), context.Terminal.Out);
            while (result.GetValue(follow) && !stopping.IsCancellationRequested)
            {
                await Task.Delay(Interval, context.Time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                foreach (var tail in tails)
                    tail.PrintNew(context.Terminal.Out);
            }

            return ExitCode.Ok;
        });
        return command;
    }
}

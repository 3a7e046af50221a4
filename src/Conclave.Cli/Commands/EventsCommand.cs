using System.CommandLine;
using System.Text;
using Conclave.Cli.Rendering;
using Conclave.Orchestration;
using Conclave.Orchestration.Events;

namespace Conclave.Cli.Commands;

internal static class EventsCommand
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    public static Command Create(CommandContext context)
    {
        var file = ClusterLocator.FileOption();
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with each new event, until Ctrl-C." };
        var json = new Option<bool>("--json") { Description = "One JSON object per line: v, id, time, mono_ns, node, kind, subject, term, why, data." };
        var lines = new Option<int>("--lines", "-n") { Description = "How many of the past.", DefaultValueFactory = _ => 50, HelpName = "N" };
        file.Aliases.Clear(); // -f follows here, as in tail
        var command = new Command(
            "events",
            "Tell what happened: elections, exits, restarts, adoptions, what the gateways took out. Merged from all nodes' logs, also while nothing runs.")
        {
            file, follow, json, lines,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(lines) < 0)
                result.AddError("--lines takes a number from 0");
        });
        command.SetAction(async (result, stopping) =>
        {
            var location = ClusterLocator.Locate(result.GetValue(file), context.Terminal.WorkingDirectory);
            if (context.Cluster.EventDirectories(location).Count == 0)
                throw new ConclaveException($"no cluster ever ran in {location}; 'conclave up' starts one", ExitCode.NotRunning);
            void Print(ClusterEvent happened) =>
                context.Line(result.GetValue(json) ? Encoding.UTF8.GetString(happened.ToJson()) : EventText.Line(happened, TimeZoneInfo.Local));
            if (!result.GetValue(follow))
            {
                foreach (var happened in EventReader.Read(context.Cluster.EventDirectories(location)).TakeLast(result.GetValue(lines)))
                    Print(happened);
                return ExitCode.Ok;
            }

            await foreach (var happened in EventReader.FollowAsync(
                () => context.Cluster.EventDirectories(location), result.GetValue(lines), Interval, context.Time, stopping))
                Print(happened);
            return ExitCode.Ok;
        });
        return command;
    }
}

using System.CommandLine;
using Conclave.Orchestration;

namespace Conclave.Cli.Commands;

/// <summary><c>restart</c>, <c>stop</c> and <c>start</c>: one shape, three wishes.</summary>
internal static class LifecycleCommands
{
    public static Command Restart(CommandContext context) => Create(
        context, "restart", "Restart a service or one instance. One instance of a service at a time, each ready before the next.", "is being restarted", context.Cluster.RestartAsync);

    public static Command Stop(CommandContext context) => Create(
        context, "stop", "Stop a service or one instance, gracefully, and keep it stopped, also over 'up'.", "is being stopped", context.Cluster.StopAsync);

    public static Command Start(CommandContext context) => Create(
        context, "start", "Start what 'stop' stopped.", "is being started", context.Cluster.StartAsync);

    private static Command Create(
        CommandContext context, string name, string description, string done, Func<ClusterLocation, string, CancellationToken, Task> act)
    {
        var file = ClusterLocator.FileOption();
        var target = new Argument<string>("SERVICE|INSTANCE") { Description = "web or web/2." };
        var command = new Command(name, description) { target, file };
        command.SetAction(async (result, stopping) =>
        {
            var location = ClusterLocator.Locate(result.GetValue(file), context.Terminal.WorkingDirectory);
            await act(location, result.GetValue(target)!, stopping);
            context.Line($"{result.GetValue(target)} {done}");
            return ExitCode.Ok;
        });
        return command;
    }
}

using System.CommandLine;
using Conclave.Cli.Rendering;
using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Commands;

internal static class UpCommand
{
    public static Command Create(CommandContext context)
    {
        var file = ClusterLocator.FileOption();
        var detach = new Option<bool>("--detach", "-d") { Description = "Return once every service answers; the cluster outlives the terminal." };
        var timeout = new Option<int>("--timeout") { Description = "Seconds that everything may take to become ready.", DefaultValueFactory = _ => 60, HelpName = "SECONDS" };
        var dryRun = new Option<bool>("--dry-run") { Description = "Check the file and show what would start; start nothing." };
        var command = new Command(
            "up",
            """
            Start the cluster and keep it alive, or attach again to one whose foreground 'up' has died.

            Stays in the foreground with a live view; Ctrl-C stops everything it started. While the file is unchanged, what
            'scale', 'stop' and 'start' changed stays; what changed in the file wins.
            """)
        {
            file, detach, timeout, dryRun,
        };
        command.SetAction((result, stopping) => RunAsync(
            context, result.GetValue(file), result.GetValue(detach), TimeSpan.FromSeconds(result.GetValue(timeout)), result.GetValue(dryRun), stopping));
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, string? file, bool detach, TimeSpan timeout, bool dryRun, CancellationToken stopping)
    {
        if (timeout < TimeSpan.FromSeconds(1) || timeout > TimeSpan.FromDays(1))
            throw new ConclaveException("--timeout takes seconds from 1 to 86400", ExitCode.Usage);
        var (loaded, name) = ClusterLocator.Load(file, context.Terminal.WorkingDirectory);
        foreach (var warning in loaded.Warnings)
            await context.Terminal.Error.WriteLineAsync(warning);
        if (dryRun)
        {
            await context.Terminal.Out.WriteAsync(PlanText.Render(loaded.Spec, name));
            return ExitCode.Ok;
        }

        if (!OperatingSystem.IsLinux())
            throw new ConclaveException("'up' needs Linux; library, server and simulator work here");
        var request = new UpRequest(loaded.Spec, name, detach) { ReadyPatience = timeout };
        var status = await context.Cluster.UpAsync(request, new LineProgress(context.Terminal.Error), stopping);
        context.Line(status.Summary);
        foreach (var url in status.Urls)
            context.Line($"  {url}");
        if (!detach)
            return await StayAsync(context, request, stopping);
        context.Line("It runs in the background: conclave status, conclave kill web/1, conclave down");
        return ExitCode.Ok;
    }

    private static async Task<int> StayAsync(CommandContext context, UpRequest request, CancellationToken stopping)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var guard = GuardAsync(context, request, ended);
        try
        {
            var statuses = Watching.StatusesAsync(context, request.Location, ended.Token);
            await Watching.ShowAsync(context, request.Location, statuses, "Ctrl-C stops the cluster; try 'conclave kill leader' in another terminal", ended.Token);
        }
        finally
        {
            await ended.CancelAsync();
            await guard;
        }

        // Without a request to end, the guard has seen somebody else's `down`.
        if (stopping.IsCancellationRequested)
            await context.Cluster.DownAsync(request.Location, new LineProgress(context.Terminal.Error), CancellationToken.None);
        context.Line("Stopped.");
        return ExitCode.Ok;
    }

    private static async Task GuardAsync(CommandContext context, UpRequest request, CancellationTokenSource ended)
    {
        try
        {
            await context.Cluster.GuardAsync(request, ended.Token);
        }
        catch (OperationCanceledException) when (ended.IsCancellationRequested)
        {
            return;
        }
        finally
        {
            await ended.CancelAsync();
        }
    }
}

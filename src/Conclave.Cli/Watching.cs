using System.Runtime.CompilerServices;
using Conclave.Cli.Rendering;
using Conclave.Orchestration;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;
using Spectre.Console;

namespace Conclave.Cli;

/// <summary>Shows a cluster as it changes: a picture for a person, lines for a file.</summary>
internal static class Watching
{
    private const int RecentEvents = 8;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);

    /// <summary>A status each half second until cancelled; ends when the cluster is no longer there.</summary>
    public static async IAsyncEnumerable<ClusterStatus> StatusesAsync(
        CommandContext context, ClusterLocation location, [EnumeratorCancellation] CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            ClusterStatus status;
            try
            {
                status = await context.Cluster.StatusAsync(location, stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                yield break;
            }

            yield return status;
            await Task.Delay(Interval, context.Time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Returns when the sequence ends or is cancelled.</summary>
    public static async Task ShowAsync(
        CommandContext context, ClusterLocation location, IAsyncEnumerable<ClusterStatus> statuses, string hint, CancellationToken stopping)
    {
        if (!context.Terminal.IsInteractive)
        {
            await LinesAsync(context, location, statuses, stopping);
            return;
        }

        var console = context.Terminal.Console;
        await using var seen = statuses.GetAsyncEnumerator(stopping);
        var goesOn = await seen.MoveNextAsync();
        while (goesOn)
        {
            // A live display never shrinks, so in a terminal that was resized a new one begins.
            var (width, height) = (console.Profile.Width, console.Profile.Height);
            await console.Live(new Text("")).AutoClear(true).Cropping(VerticalOverflowCropping.Bottom).StartAsync(async live =>
            {
                while (goesOn && (width, height) == (console.Profile.Width, console.Profile.Height))
                {
                    var recent = EventReader.Read(context.Cluster.EventDirectories(location)).TakeLast(RecentEvents).ToList();
                    live.UpdateTarget(LiveView.Render(seen.Current, recent, context.Time.GetUtcNow(), hint, width, height));
                    goesOn = await seen.MoveNextAsync();
                }
            });
            if (goesOn)
                console.Clear();
        }
    }

    // One line whenever the sentence changes, and one per event.
    private static async Task LinesAsync(
        CommandContext context, ClusterLocation location, IAsyncEnumerable<ClusterStatus> statuses, CancellationToken stopping)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var output = TextWriter.Synchronized(context.Terminal.Out);
        var events = Task.Run(
            async () =>
            {
                await foreach (var happened in EventReader.FollowAsync(
                    () => context.Cluster.EventDirectories(location), 0, TimeSpan.FromMilliseconds(200), context.Time, ended.Token))
                    await output.WriteLineAsync(EventText.Line(happened, TimeZoneInfo.Local));
            },
            CancellationToken.None);
        try
        {
            var last = "";
            await foreach (var status in statuses.WithCancellation(stopping))
            {
                if (status.Summary != last)
                    await output.WriteLineAsync(status.Summary);
                last = status.Summary;
            }
        }
        finally
        {
            await ended.CancelAsync();
            await events;
        }
    }
}

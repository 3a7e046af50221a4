using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Conclave;

/// <summary>
/// Runs all candidates of a host. Starting takes one after the other: waits for its backend's first sign of life, then lets it stand. Stopping begins with
/// <see cref="IHostApplicationLifetime.ApplicationStopping"/> and not with our turn to be stopped, so that the hand-over does not wait for other services.
/// </summary>
internal sealed class LeaderElectionHost(IReadOnlyList<LeaderElectionRunner> candidates, IHostApplicationLifetime lifetime, ILogger log) : BackgroundService
{
    private readonly CancellationTokenSource _stopping = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping);
    private readonly TaskCompletionSource _broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Task> _running = [];

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        foreach (var candidate in candidates)
        {
            await candidate.ConnectAsync(cancellationToken).ConfigureAwait(false);
            foreach (var part in candidate.Start(_stopping.Token))
                _running.Add(NoticeAsync(candidate, part));
        }

        await base.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        await base.StopAsync(cancellationToken).ConfigureAwait(false);

        // A candidate that broke has ended the execution that the base waits for, and not the others.
        await Task.WhenAll(_running).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    public override void Dispose()
    {
        _stopping.Cancel();
        base.Dispose();
        _stopping.Dispose();
    }

    /// <summary>Fails with the first candidate that breaks, which ends none of the others: whether the host then stops is for <c>HostOptions.BackgroundServiceExceptionBehavior</c> to say.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken) =>
        await (await Task.WhenAny(Task.WhenAll(_running), _broken.Task).ConfigureAwait(false)).ConfigureAwait(false);

    private async Task NoticeAsync(LeaderElectionRunner candidate, Task part)
    {
        try
        {
            await part.ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_stopping.IsCancellationRequested)
        {
            // The only way for it to end.
        }
        catch (Exception fault)
        {
            Log.CandidateBroke(log, candidate.Election, fault);
            _broken.TrySetException(fault);
        }
    }
}

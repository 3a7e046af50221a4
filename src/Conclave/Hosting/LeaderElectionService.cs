using Microsoft.Extensions.Hosting;

namespace Conclave;

/// <summary>
/// The runner as a hosted service. Starting waits for the backend's first sign of life. Stopping begins with <see cref="IHostApplicationLifetime.ApplicationStopping"/> and not with our turn to
/// be stopped, so that the hand-over does not wait for other services.
/// </summary>
internal sealed class LeaderElectionService(LeaderElectionRunner runner, IHostApplicationLifetime lifetime) : BackgroundService
{
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await runner.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await base.StartAsync(cancellationToken).ConfigureAwait(false);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, lifetime.ApplicationStopping);
        await runner.RunAsync(stopping.Token).ConfigureAwait(false);
    }
}

namespace Conclave;

/// <summary>
/// Work that one instance at a time does. Added with <see cref="LeaderElectionBuilder.AddLeaderService{T}"/>, made anew in a new scope for each leadership, and disposed when its work ends.
/// <list type="bullet">
/// <item>When <see cref="ExecuteAsync"/> returns, the leadership is kept, idle: resigning would run a one-shot job on every instance in turn.</item>
/// <item>When it throws, the instance resigns, stays out of the election for a growing pause and campaigns again. The host stays up.</item>
/// <item>When the host stops, the work is ended first and leadership handed over after it, so the next leader starts when this one has finished. Work that outlasts the host's own shutdown timeout is
/// abandoned: leadership is handed over all the same, and the process ends.</item>
/// </list>
/// </summary>
public abstract class LeaderBackgroundService
{
    /// <summary>The work.</summary>
    /// <param name="leadership">What was won. Pass its token to whatever the work acts upon; it is also <see cref="AmbientLeadership.Current"/>.</param>
    /// <param name="stoppingToken">
    /// The leadership was lost, the host stops, this instance is no longer healthy, or another service of the same election failed. After a loss the work has the lease's
    /// <see cref="LeaseOptions.StopMargin"/> to end before anybody else can lead; work that takes longer is what the token is for.
    /// </param>
    protected abstract Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken);

    internal Task RunAsync(Leadership leadership, CancellationToken stopping) => ExecuteAsync(leadership, stopping);
}

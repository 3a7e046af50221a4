using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Conclave;

/// <summary>Elections and health checks: an election as a check, and checks as a condition of candidacy.</summary>
public static class LeaderElectionHealth
{
    /// <summary>Carried by every check of an election, so that candidacies do not depend on themselves.</summary>
    internal const string ElectionTag = "conclave.election";

    /// <summary>
    /// A check that says who leads: healthy with a leader (here or elsewhere), degraded when nobody leads, <paramref name="failureStatus"/> when the backend does not answer.
    /// </summary>
    /// <param name="builder">Of the host's checks.</param>
    /// <param name="election">The name given to <see cref="LeaderElectionServices.AddLeaderElection"/>.</param>
    /// <param name="name">Of the check. Default: <c>election:NAME</c>.</param>
    /// <param name="failureStatus">
    /// Default degraded, since an instance that follows can serve on without the backend: taking them all out of a balancer would turn a small outage into a full one.
    /// </param>
    /// <param name="tags">More tags.</param>
    /// <param name="timeout">Default: that of the backend's requests.</param>
    public static IHealthChecksBuilder AddLeaderElection(
        this IHealthChecksBuilder builder, string election, string? name = null, HealthStatus failureStatus = HealthStatus.Degraded, IEnumerable<string>? tags = null, TimeSpan? timeout = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrWhiteSpace(election);
        return builder.Add(new HealthCheckRegistration(
            name ?? $"election:{election}",
            services => new LeaderElectionHealthCheck(services.GetRequiredKeyedService<ILeaderElection>(election)),
            failureStatus,
            [ElectionTag, .. tags ?? []],
            timeout));
    }

    /// <summary>
    /// Stands for election only while the host's checks with this tag pass, and resigns when one becomes unhealthy; degraded passes. A tag that no check has counts as unhealthy.
    /// The checks of elections themselves never count. Examined every <see cref="LeaderElectionOptions.HealthInterval"/>.
    /// </summary>
    public static LeaderElectionBuilder RequireHealthy(this LeaderElectionBuilder builder, string tag)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(tag);
        return builder.RequireHealthy(check => check.Tags.Contains(tag));
    }

    /// <summary>The same for checks chosen in another way.</summary>
    public static LeaderElectionBuilder RequireHealthy(this LeaderElectionBuilder builder, Func<HealthCheckRegistration, bool> predicate)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(predicate);
        builder.Services.AddHealthChecks();
        return builder.CampaignOnlyWhile(async (services, cancellation) =>
        {
            var health = services.GetRequiredService<HealthCheckService>();
            var report = await health.CheckHealthAsync(check => !check.Tags.Contains(ElectionTag) && predicate(check), cancellation).ConfigureAwait(false);
            if (report.Entries.Count == 0)
                throw new InvalidOperationException("No health check was selected. Add one with the tag that RequireHealthy names.");
            return report.Status is not HealthStatus.Unhealthy;
        });
    }
}

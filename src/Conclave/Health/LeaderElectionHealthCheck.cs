using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Conclave;

/// <summary>Who leads, as a health check.</summary>
internal sealed class LeaderElectionHealthCheck(ILeaderElection election) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var facts = new Dictionary<string, object>(StringComparer.Ordinal) { ["election"] = election.Name };
        try
        {
            if (await election.GetLeaderAsync(cancellationToken).ConfigureAwait(false) is not { } leader)
                return HealthCheckResult.Degraded($"Nobody leads {election.Name}.", data: facts);

            facts["leader"] = leader.Value;
            facts["token"] = leader.FencingToken.Value;
            return HealthCheckResult.Healthy($"{leader.Value} leads {election.Name} with token {leader.FencingToken}.", facts);
        }
        catch (ElectionException silent)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, silent.Message, silent, facts);
        }
    }
}

using Microsoft.Extensions.DependencyInjection;

namespace Conclave;

/// <summary>Locks among the services of a host.</summary>
public static class DistributedLockServices
{
    /// <summary>
    /// Adds a singleton <see cref="DistributedLock"/> with the name as its key. Backend and options are those of an election of this name, also in the configuration: <c>Conclave:Elections:NAME</c>.
    /// </summary>
    public static IServiceCollection AddDistributedLock(this IServiceCollection services, string name, Action<LeaderElectionBuilder>? configure = null)
    {
        services.AddLeaderElection(name, configure).Configure(static options => options.WatchLeader = false);
        services.AddKeyedSingleton<DistributedLock>(name, static (provider, key) => new DistributedLock(provider.GetRequiredKeyedService<ILeaderElection>(key)));
        return services;
    }
}

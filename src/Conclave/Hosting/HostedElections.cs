using Microsoft.Extensions.DependencyInjection;

namespace Conclave;

/// <summary>
/// The elections of a host as they were added, in their order. What is an election's own is kept here and not among the services: a host may have ten thousand, and a registration weighs more than what it registers.
/// Filled like the service collection, before the container is built, and only read after.
/// </summary>
internal sealed class HostedElections
{
    private readonly OrderedDictionary<string, LeaderElectionBuilder> _byName = new(StringComparer.Ordinal);

    public IReadOnlyCollection<LeaderElectionBuilder> All => _byName.Values;

    /// <summary>Those of this collection. Registered with the first election, so they are found soon, however many services follow.</summary>
    public static HostedElections Of(IServiceCollection services)
    {
        if (services.FirstOrDefault(static service => service.ServiceType == typeof(HostedElections))?.ImplementationInstance is HostedElections known)
            return known;
        var elections = new HostedElections();
        services.AddSingleton(elections);
        return elections;
    }

    public void Add(LeaderElectionBuilder election) => _byName.Add(election.Name, election);

    public LeaderElectionBuilder? Find(string name) => _byName.GetValueOrDefault(name);
}

using Conclave.Peers;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Conclave;

/// <summary>The instances of a service themselves, without any other store, as the backend of an election in a host.</summary>
public static class PeersBackend
{
    /// <summary>Decides the election among the instances. The options come from the configuration, <c>Conclave:Elections:NAME:Peers</c>.</summary>
    public static LeaderElectionBuilder UsePeers(this LeaderElectionBuilder election) => election.UsePeers(static _ => { });

    /// <summary>
    /// Decides the election among the instances. A hosted service starts this instance's member before any candidate stands, and ends it when all have withdrawn; when the member cannot go on (its disk fails, its
    /// directory was replaced), the host is stopped. Elections with the same <see cref="PeerGroupOptions.Directory"/> share the member.
    /// </summary>
    /// <remarks>A lease that was set for the election (<see cref="LeaderElectionOptions.Lease"/>) wins over the group's, which follows from its election timeout; one that equals the library's default counts as not set.</remarks>
    public static LeaderElectionBuilder UsePeers(this LeaderElectionBuilder election, Action<PeerGroupOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(election);
        ArgumentNullException.ThrowIfNull(configure);
        var services = election.Services;
        services.TryAddSingleton(static provider => new PeerGroups(provider.GetService<ILoggerFactory>()));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, PeerGroupService>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<PeerGroupOptions>, PeersConfiguration>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<PeerGroupOptions>, PeersValidation>());
        services.AddSingleton(new PeersElectionName(election.Name));
        services.Configure(election.Name, configure);
        return election.UseBackend(static context =>
        {
            var options = context.Services.GetRequiredService<IOptionsMonitor<PeerGroupOptions>>().Get(context.Name);
            var group = context.Services.GetRequiredService<PeerGroups>().For(options);
            var lease = context.Options.Lease == new LeaseOptions() ? options.LeaseOrDefault : context.Options.Lease;
            return group.Election(context.Name, context.Options.Value, lease);
        });
    }
}

using Conclave.ZooKeeper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Conclave;

/// <summary>ZooKeeper as the backend of an election in a host.</summary>
public static class ZooKeeperBackend
{
    /// <summary>
    /// Decides the election in ZooKeeper. Without servers they come from the configuration, <c>Conclave:Elections:NAME:ZooKeeper:Servers</c>; servers given here win.
    /// </summary>
    public static LeaderElectionBuilder UseZooKeeper(this LeaderElectionBuilder election, params string[] servers)
    {
        ArgumentNullException.ThrowIfNull(servers);
        return election.UseZooKeeper(options =>
        {
            if (servers.Length > 0)
                options.Servers = servers;
        });
    }

    /// <summary>Decides the election in ZooKeeper, with options.</summary>
    public static LeaderElectionBuilder UseZooKeeper(this LeaderElectionBuilder election, Action<ZooKeeperBackendOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(election);
        ArgumentNullException.ThrowIfNull(configure);
        var services = election.Services;
        services.TryAddSingleton<ZooKeeperClients>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<ZooKeeperBackendOptions>, ZooKeeperConfiguration>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<ZooKeeperBackendOptions>, ZooKeeperValidation>());
        services.Configure(election.Name, configure);
        return election.UseBackend(static context =>
        {
            var options = context.Services.GetRequiredService<IOptionsMonitor<ZooKeeperBackendOptions>>().Get(context.Name);
            var client = context.Services.GetRequiredService<ZooKeeperClients>().For(options.ToClient(context.Options.Lease));
            return new ZooKeeperElection(client, context.Name, new ZooKeeperElectionOptions { Value = context.Options.Value, NodeNames = options.NodeNames });
        });
    }
}

using Conclave.Etcd;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Conclave;

/// <summary>etcd, a real one or <c>conclave serve</c>, as the backend of an election in a host.</summary>
public static class EtcdBackend
{
    /// <summary>
    /// Decides the election in etcd. Without endpoints they come from the configuration, <c>Conclave:Elections:NAME:Etcd:Endpoints</c>; endpoints given here win.
    /// </summary>
    public static LeaderElectionBuilder UseEtcd(this LeaderElectionBuilder election, params string[] endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        return election.UseEtcd(options =>
        {
            if (endpoints.Length > 0)
                options.Endpoints = endpoints;
        });
    }

    /// <summary>Decides the election in etcd, with options.</summary>
    public static LeaderElectionBuilder UseEtcd(this LeaderElectionBuilder election, Action<EtcdBackendOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(election);
        ArgumentNullException.ThrowIfNull(configure);
        var services = election.Services;
        services.TryAddSingleton<EtcdSessions>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<EtcdBackendOptions>, EtcdConfiguration>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<EtcdBackendOptions>, EtcdValidation>());
        services.Configure(election.Name, configure);
        return election.UseBackend(static context =>
        {
            var options = context.Services.GetRequiredService<IOptionsMonitor<EtcdBackendOptions>>().Get(context.Name);
            var session = context.Services.GetRequiredService<EtcdSessions>().For(options, context.Options.Lease);
            return new EtcdElection(session, context.Name, new EtcdElectionOptions { Value = context.Options.Value });
        });
    }
}

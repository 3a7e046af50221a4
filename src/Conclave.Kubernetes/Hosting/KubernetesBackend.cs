using Conclave.Kubernetes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Conclave;

/// <summary>A Kubernetes Lease as the backend of an election in a host.</summary>
public static class KubernetesBackend
{
    /// <summary>
    /// Decides the election in a Lease of the pod's own namespace, as its service account; outside of a pod the configuration says where, <c>Conclave:Elections:NAME:Kubernetes:Server</c> and so on.
    /// </summary>
    public static LeaderElectionBuilder UseKubernetes(this LeaderElectionBuilder election) => election.UseKubernetes(static _ => { });

    /// <summary>Decides the election in a Lease, with options; what is set here wins over the configuration.</summary>
    public static LeaderElectionBuilder UseKubernetes(this LeaderElectionBuilder election, Action<KubernetesBackendOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(election);
        ArgumentNullException.ThrowIfNull(configure);
        var services = election.Services;
        services.TryAddSingleton<KubernetesClients>();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<KubernetesBackendOptions>, KubernetesConfiguration>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<KubernetesBackendOptions>, KubernetesValidation>());
        services.AddSingleton(new KubernetesElectionName(election.Name));
        services.Configure(election.Name, configure);
        return election.UseBackend(static context =>
        {
            var options = context.Services.GetRequiredService<IOptionsMonitor<KubernetesBackendOptions>>().Get(context.Name);
            var client = context.Services.GetRequiredService<KubernetesClients>().For(options.Client);
            return new KubernetesElection(client, context.Name, new KubernetesElectionOptions
            {
                Value = context.Options.Value,
                Identity = options.Identity,
                LeaseName = options.LeaseName,
                Lease = context.Options.Lease,
            });
        });
    }
}

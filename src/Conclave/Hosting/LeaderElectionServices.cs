using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Conclave;

/// <summary>Elections among the services of a host.</summary>
public static class LeaderElectionServices
{
    /// <summary>
    /// Makes this process a candidate in an election. Adds a singleton <see cref="ILeaderElection"/> with the name as its key, and with the first election a hosted service that checks the connections at
    /// start, campaigns where there is any leader service to run, and hands leadership over when the host begins to stop. Calling it again for the same name adds to what is there.
    /// </summary>
    /// <param name="services">The host's.</param>
    /// <param name="name">What the candidates compete for, e.g. <c>billing/dialer</c>: the same in all processes. In the configuration: <c>Conclave:Elections:NAME</c>.</param>
    /// <param name="configure">Chooses the backend and more.</param>
    /// <remarks>
    /// Options are checked when the host starts: <see cref="OptionsValidationException"/> names the option and the remedy. Hosts dispose their container
    /// asynchronously and so wait for what elections give back. One that is disposed synchronously waits for no backend: leaderships are lost to their holders (<see cref="Leadership.Lost"/>) before
    /// <c>Dispose</c> returns, and released in the background, within a round trip if the process lives on; if it ends first, by the TTL.
    /// Without leader services the application may campaign itself through the <see cref="ILeaderElection"/>; with them it only observes.
    /// </remarks>
    public static LeaderElectionBuilder AddLeaderElection(this IServiceCollection services, string name, Action<LeaderElectionBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var elections = HostedElections.Of(services);
        if (elections.Find(name) is not { } builder)
        {
            if (elections.All.Count == 0)
                RegisterForAll(services);
            services.AddKeyedSingleton<ILeaderElection>(name, static (provider, key) => NewElection(provider, (string)key!));
            elections.Add(builder = new LeaderElectionBuilder(name, services));
        }

        configure?.Invoke(builder);
        return builder;
    }

    private static void RegisterForAll(IServiceCollection services)
    {
        services.AddOptions();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<LeaderElectionOptions>, ElectionConfiguration>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<LeaderElectionOptions>, LeaderElectionValidation>());
        services.AddSingleton<IHostedService>(static provider => new LeaderElectionHost(
            [.. provider.GetRequiredService<HostedElections>().All.Select(election => NewRunner(provider, election))], provider.GetRequiredService<IHostApplicationLifetime>(), LoggerOf(provider)));
    }

    private static MeasuredElection NewElection(IServiceProvider provider, string name)
    {
        var options = OptionsOf(provider, name);
        return new MeasuredElection(options.Backend!(new ElectionBackendContext(name, options, provider)), LoggerOf(provider));
    }

    /// <summary>Makes the election too, and so checks its options and its backend's before anything of the host has started.</summary>
    private static LeaderElectionRunner NewRunner(IServiceProvider provider, LeaderElectionBuilder election)
    {
        var options = OptionsOf(provider, election.Name);
        var (time, log) = (provider.GetService<TimeProvider>() ?? TimeProvider.System, LoggerOf(provider));
        var gate = options.Fitness is { } isFit ? new FitnessGate(election.Name, cancellation => isFit(provider, cancellation), options.HealthInterval, time, log) : null;
        var scopes = provider.GetRequiredService<IServiceScopeFactory>();
        return new LeaderElectionRunner(provider.GetRequiredKeyedService<ILeaderElection>(election.Name), options, election.Work, gate, scopes, time, log);
    }

    private static LeaderElectionOptions OptionsOf(IServiceProvider provider, string name) => provider.GetRequiredService<IOptionsMonitor<LeaderElectionOptions>>().Get(name);

    private static ILogger LoggerOf(IServiceProvider provider) => (provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance).CreateLogger("Conclave.Election");
}

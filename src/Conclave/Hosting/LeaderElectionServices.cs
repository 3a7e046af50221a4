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
    /// Makes this process a candidate in an election. Adds a singleton <see cref="ILeaderElection"/> with the name as its key, and a hosted service that checks the connection at start,
    /// campaigns if there is any leader service to run, and hands leadership over when the host begins to stop. Calling it again for the same name adds to what is there.
    /// </summary>
    /// <param name="services">The host's.</param>
    /// <param name="name">What the candidates compete for, e.g. <c>billing/dialer</c>: the same in all processes. In the configuration: <c>Conclave:Elections:NAME</c>.</param>
    /// <param name="configure">Chooses the backend and more.</param>
    /// <remarks>
    /// Options are checked when the host starts: <see cref="OptionsValidationException"/> names the option and the remedy. The container must be disposed asynchronously, as hosts do.
    /// Without leader services the application may campaign itself through the <see cref="ILeaderElection"/>; with them it only observes.
    /// </remarks>
    public static LeaderElectionBuilder AddLeaderElection(this IServiceCollection services, string name, Action<LeaderElectionBuilder>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        var elections = ElectionsOf(services);
        if (!elections.ByName.TryGetValue(name, out var builder))
            elections.ByName.Add(name, builder = Register(services, name));
        configure?.Invoke(builder);
        return builder;
    }

    /// <summary>Registered with the first election, so it is found soon, however many follow; to look for each name among all services would cost the square of their number.</summary>
    private static HostedElections ElectionsOf(IServiceCollection services)
    {
        if (services.FirstOrDefault(static service => service.ServiceType == typeof(HostedElections))?.ImplementationInstance is HostedElections known)
            return known;
        var elections = new HostedElections();
        services.AddSingleton(elections);
        return elections;
    }

    private static LeaderElectionBuilder Register(IServiceCollection services, string name)
    {
        var builder = new LeaderElectionBuilder(name, services);
        services.AddOptions<LeaderElectionOptions>(name).ValidateOnStart();
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IConfigureOptions<LeaderElectionOptions>, ElectionConfiguration>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<LeaderElectionOptions>, LeaderElectionValidation>());
        services.AddKeyedSingleton<ILeaderElection>(name, static (provider, key) => NewElection(provider, (string)key!));
        services.AddKeyedSingleton<LeaderElectionRunner>(name, static (provider, key) => NewRunner(provider, (string)key!));
        services.AddSingleton<IHostedService>(provider => new LeaderElectionService(
            provider.GetRequiredKeyedService<LeaderElectionRunner>(name), provider.GetRequiredService<IHostApplicationLifetime>()));
        return builder;
    }

    private static MeasuredElection NewElection(IServiceProvider provider, string name)
    {
        var options = OptionsOf(provider, name);
        return new MeasuredElection(options.Backend!(new ElectionBackendContext(name, options, provider)), LoggerOf(provider));
    }

    private static LeaderElectionRunner NewRunner(IServiceProvider provider, string name)
    {
        var options = OptionsOf(provider, name);
        var (time, log) = (provider.GetService<TimeProvider>() ?? TimeProvider.System, LoggerOf(provider));
        var gate = options.Fitness is { } isFit ? new FitnessGate(name, cancellation => isFit(provider, cancellation), options.HealthInterval, time, log) : null;
        var work = provider.GetKeyedServices<LeaderWork>(name).ToArray();
        var scopes = provider.GetRequiredService<IServiceScopeFactory>();
        return new LeaderElectionRunner(provider.GetRequiredKeyedService<ILeaderElection>(name), options, work, gate, scopes, time, log);
    }

    private static LeaderElectionOptions OptionsOf(IServiceProvider provider, string name) => provider.GetRequiredService<IOptionsMonitor<LeaderElectionOptions>>().Get(name);

    private static ILogger LoggerOf(IServiceProvider provider) => (provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance).CreateLogger("Conclave.Election");

    /// <summary>What was added so far.</summary>
    private sealed class HostedElections
    {
        public Dictionary<string, LeaderElectionBuilder> ByName { get; } = new(StringComparer.Ordinal);
    }
}

using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Conclave;

/// <summary>What an election in a host is made of: its backend, its options and what runs while leading. Not thread-safe, like the service collection it fills.</summary>
public sealed class LeaderElectionBuilder
{
    internal LeaderElectionBuilder(string name, IServiceCollection services) => (Name, Services) = (name, services);

    /// <summary>The election's name, and the key of its <see cref="ILeaderElection"/> among the services.</summary>
    public string Name { get; }

    /// <summary>The host's services.</summary>
    public IServiceCollection Services { get; }

    /// <summary>Runs side by side while leading.</summary>
    internal IReadOnlyList<LeaderWork> Work { get; private set; } = [];

    /// <summary>What code says about the options, in its order.</summary>
    internal Action<LeaderElectionOptions>? Configuration { get; private set; }

    /// <summary>Sets options in code; what is set here wins over the configuration, and later calls over earlier ones.</summary>
    public LeaderElectionBuilder Configure(Action<LeaderElectionOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        Configuration += configure;
        return this;
    }

    /// <summary>
    /// Chooses who decides the election; the last call wins. For those who write a backend: <paramref name="create"/> is called once, and the host disposes what it returns.
    /// </summary>
    public LeaderElectionBuilder UseBackend(Func<ElectionBackendContext, ILeaderElection> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        return Configure(options => options.Backend = create);
    }

    /// <summary>
    /// Elects among the candidates of this process: for development, for tests, and for programs with several hosts in one process. Real in all but its reach: tokens grow, observers
    /// see each change, a resignation hands over at once. It does not see other processes.
    /// </summary>
    /// <param name="elections">Whose candidates stand together. Default <see cref="InMemoryElections.Shared"/>, one for the whole process.</param>
    public LeaderElectionBuilder UseInMemory(InMemoryElections? elections = null) =>
        UseBackend(context => (elections ?? InMemoryElections.Shared).Join(context.Name, context.Options.Value));

    /// <summary>
    /// Stands for election only while <paramref name="isFit"/> says so, and resigns when it no longer does. It is asked every <see cref="LeaderElectionOptions.HealthInterval"/>;
    /// an exception, and no answer within that time, count as no. The last call wins.
    /// </summary>
    public LeaderElectionBuilder CampaignOnlyWhile(Func<IServiceProvider, CancellationToken, Task<bool>> isFit)
    {
        ArgumentNullException.ThrowIfNull(isFit);
        return Configure(options => options.Fitness = isFit);
    }

    /// <summary>
    /// Runs <typeparamref name="T"/> while this instance leads: a new instance in a new scope for each leadership, its constructor's parameters from that scope.
    /// See <see cref="LeaderBackgroundService"/> for what happens when it returns or throws. Several services of one election run side by side, and one that throws ends the leadership of all.
    /// </summary>
    public LeaderElectionBuilder AddLeaderService<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>()
        where T : LeaderBackgroundService =>
        Add(new LeaderServiceWork(typeof(T).Name, static scope => ActivatorUtilities.CreateInstance<T>(scope)));

    /// <summary>
    /// Runs an unchanged <see cref="IHostedService"/> or <see cref="BackgroundService"/> while this instance leads: a new instance in a new scope for each leadership,
    /// <c>StartAsync</c> on election, <c>StopAsync</c> when leadership is over or the host stops. What it throws ends the leadership, also what a
    /// <see cref="BackgroundService"/> throws later. Do not add it with <c>AddHostedService</c> as well: it would run on every instance then.
    /// </summary>
    /// <remarks>Such a service does not see its fencing token by itself: <see cref="AmbientLeadership.Current"/> has it, and <see cref="FencingTokenHandler"/> sends it.</remarks>
    public LeaderElectionBuilder AddLeaderHostedService<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>()
        where T : class, IHostedService =>
        Add(new HostedServiceWork(typeof(T).Name, static scope => ActivatorUtilities.CreateInstance<T>(scope)));

    private LeaderElectionBuilder Add(LeaderWork work)
    {
        Work = [.. Work, work];
        return this;
    }
}

/// <summary>What a backend is made from.</summary>
/// <param name="Name">The election's.</param>
/// <param name="Options">Checked already.</param>
/// <param name="Services">The host's, its root.</param>
public sealed record ElectionBackendContext(string Name, LeaderElectionOptions Options, IServiceProvider Services);

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Conclave.Peers;

/// <summary>The lives of a host's members: started before every other hosted service, so before any candidate stands, and ended after all of them. When a member fails, the host stops.</summary>
internal sealed class PeerGroupService(
    PeerGroups groups,
    IEnumerable<PeersElectionName> elections,
    IOptionsMonitor<PeerGroupOptions> options,
    IHostApplicationLifetime lifetime,
    IServiceProvider services) : IHostedLifecycleService
{
    private readonly ILogger _log = (services.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance).CreateLogger("Conclave.Peers");
    private readonly List<Task> _watching = [];

    public async Task StartingAsync(CancellationToken cancellationToken)
    {
        foreach (var group in elections.Select(election => groups.For(options.Get(election.Name))).Distinct().ToList())
        {
            await group.OpenAsync(cancellationToken).ConfigureAwait(false);
            _watching.Add(StopHostWhenEndedAsync(group));
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StoppedAsync(CancellationToken cancellationToken)
    {
        await groups.DisposeAsync().ConfigureAwait(false);
        await Task.WhenAll(_watching).ConfigureAwait(false);
    }

    private async Task StopHostWhenEndedAsync(PeerGroup group)
    {
        try
        {
            await group.Completion.ConfigureAwait(false);
        }
        catch (Exception fault)
        {
            // A member that failed must not go on; without it no election of this host can be won.
            Log.MemberEnded(_log, group.Options.Group, fault);
            lifetime.StopApplication();
        }
    }
}

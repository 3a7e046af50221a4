using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Conclave.Testing;

/// <summary>Fake elections in a host, and leader services without one.</summary>
public static class FakeElectionBackend
{
    /// <summary>
    /// Lets the test decide the election. The host's <see cref="TimeProvider"/> becomes the fake one, unless it has one, so that pauses between attempts wait for the test too.
    /// </summary>
    public static LeaderElectionBuilder UseFake(this LeaderElectionBuilder builder, FakeElection election)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(election);
        builder.Services.TryAddSingleton<TimeProvider>(election.Time);
        return builder.UseBackend(_ => election);
    }

    /// <summary>Runs a leader service's work without a host, with <see cref="AmbientLeadership.Current"/> set as in a host.</summary>
    public static async Task RunAsync(this LeaderBackgroundService service, Leadership leadership, CancellationToken stopping)
    {
        ArgumentNullException.ThrowIfNull(service);
        using var acting = AmbientLeadership.Enter(leadership);
        await service.RunAsync(leadership, stopping).ConfigureAwait(false);
    }
}

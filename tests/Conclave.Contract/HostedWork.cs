using Microsoft.Extensions.DependencyInjection;

namespace Conclave.Contract;

/// <summary>Work in a host that a test waits for. Runs as a <see cref="Service"/> while the host leads.</summary>
public sealed class HostedWork(string name, Func<bool>? look = null)
{
    private readonly TaskCompletionSource<Leadership> _works = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Name => name;

    /// <summary>What the look at the world said when the work first began.</summary>
    public bool SawAtStart { get; private set; }

    public Task<Leadership> WorksAsync() => _works.Task.WaitAsync(Awaited.Deadline);

    private Task RunAsync(Leadership leadership, CancellationToken stopping)
    {
        SawAtStart = look?.Invoke() ?? false;
        _works.TrySetResult(leadership);
        return Task.Delay(Timeout.Infinite, stopping);
    }

    /// <summary>The work among the host's services, or the one whose key is the election.</summary>
    public sealed class Service(IServiceProvider services) : LeaderBackgroundService
    {
        protected override Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
        {
            ArgumentNullException.ThrowIfNull(leadership);
            var work = services.GetKeyedService<HostedWork>(leadership.Election) ?? services.GetRequiredService<HostedWork>();
            return work.RunAsync(leadership, stoppingToken);
        }
    }
}

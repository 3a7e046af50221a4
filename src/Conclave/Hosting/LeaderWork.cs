using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Conclave;

/// <summary>One service to run while leading. Makes it anew for each leadership, in a scope of its own, and disposes it when it ends.</summary>
internal abstract class LeaderWork
{
    private protected LeaderWork(string name) => Name = name;

    /// <summary>The type's name, for logs and metrics.</summary>
    public string Name { get; }

    /// <summary>Ends when the work is done, at the latest soon after <paramref name="over"/>. What the service throws passes through.</summary>
    public abstract Task RunAsync(IServiceScopeFactory scopes, LeaderElectionOptions options, Leadership leadership, CancellationToken over);

    private protected static async Task WithInstanceAsync<T>(IServiceScopeFactory scopes, Func<IServiceProvider, T> create, Func<T, Task> run)
        where T : class
    {
        var scope = scopes.CreateAsyncScope();
        await using (scope.ConfigureAwait(false))
        {
            // Made by us and not by the container, so it is ours to dispose.
            var instance = create(scope.ServiceProvider);
            try
            {
                await run(instance).ConfigureAwait(false);
            }
            finally
            {
                if (instance is IAsyncDisposable asynchronous)
                    await asynchronous.DisposeAsync().ConfigureAwait(false);
                else
                    (instance as IDisposable)?.Dispose();
            }
        }
    }
}

/// <summary>A service that knows of its leadership.</summary>
internal sealed class LeaderServiceWork(string name, Func<IServiceProvider, LeaderBackgroundService> create) : LeaderWork(name)
{
    public override Task RunAsync(IServiceScopeFactory scopes, LeaderElectionOptions options, Leadership leadership, CancellationToken over) =>
        WithInstanceAsync(scopes, create, service => service.RunAsync(leadership, over));
}

/// <summary>A service written for any host: started on election, stopped on loss.</summary>
internal sealed class HostedServiceWork(string name, Func<IServiceProvider, IHostedService> create) : LeaderWork(name)
{
    public override Task RunAsync(IServiceScopeFactory scopes, LeaderElectionOptions options, Leadership leadership, CancellationToken over) =>
        WithInstanceAsync(scopes, create, async service =>
        {
            await service.StartAsync(over).ConfigureAwait(false);
            try
            {
                await EndAsync(service, over).ConfigureAwait(false);
            }
            finally
            {
                using var late = new CancellationTokenSource(options.StopTimeout);
                await service.StopAsync(late.Token).ConfigureAwait(false);
            }
        });

    /// <summary>Waits until leadership is over, or throws what a background service threw before: no host watches it here.</summary>
    private static async Task EndAsync(IHostedService service, CancellationToken over)
    {
        var ended = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = over.UnsafeRegister(static ended => ((TaskCompletionSource)ended!).TrySetResult(), ended);
        if (service is BackgroundService { ExecuteTask: { } execution })
        {
            await Task.WhenAny(execution, ended.Task).ConfigureAwait(false);
            if (execution.IsFaulted || (execution.IsCanceled && !over.IsCancellationRequested))
                await execution.ConfigureAwait(false);
        }

        await ended.Task.ConfigureAwait(false);
    }
}

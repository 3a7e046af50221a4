using System.Diagnostics.CodeAnalysis;
using Conclave.Kubernetes.Wire;

namespace Conclave.Kubernetes;

/// <summary>
/// Speaks with one API server about the Leases of one namespace, for all elections that a program takes part in: over HTTP/2 they share a connection. Nothing is sent before something is asked
/// for. Dispose it after the elections. Thread-safe.
/// </summary>
public sealed class KubernetesClient : IAsyncDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _background = [];
    private TaskCompletionSource? _unused;
    private int _elections;
    private bool _disposed;

    /// <param name="options">Checked here. Default: what a pod finds in its environment.</param>
    /// <exception cref="ArgumentException">An option makes no sense, or something is missing; the message names the option and the remedy.</exception>
    public KubernetesClient(KubernetesClientOptions? options = null)
        : this(options ?? new KubernetesClientOptions(), BootTime.Provider) { }

    internal KubernetesClient(KubernetesClientOptions options, TimeProvider time)
    {
        options.Validate();
        (Options, Time) = (options, time);
        Api = new LeaseApi(ClusterAccess.Resolve(options), options, time);
    }

    internal KubernetesClientOptions Options { get; }

    internal TimeProvider Time { get; }

    internal RetryBackoff NewBackoff() => new(Options.RetryIntervalMin, Options.RetryIntervalMax, Time);

    internal LeaseApi Api { get; }

    /// <summary>Gives up on withdrawals that are still being repeated, and closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] running;
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            running = [.. _background];
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(running).ConfigureAwait(false);
        _stopping.Dispose();
        Api.Dispose();
    }

    /// <summary>One more election uses it.</summary>
    internal void Enter()
    {
        lock (_gate)
            _elections++;
    }

    /// <summary>An election has given back what it had, and uses it no more.</summary>
    internal void Leave()
    {
        lock (_gate)
        {
            if (--_elections == 0)
                _unused?.TrySetResult();
        }
    }

    /// <summary>Waits for the elections that use it, and disposes it then: a Lease that is held is given back through it.</summary>
    internal async Task DisposeAfterElectionsAsync()
    {
        TaskCompletionSource unused;
        lock (_gate)
        {
            unused = _unused ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_elections == 0)
                unused.TrySetResult();
        }

        await unused.Task.ConfigureAwait(false);
        await DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>Runs something that the client's end cancels and waits for. It must not throw. False when the end has come.</summary>
    internal bool TryKeep<T>(Func<CancellationToken, Task<T>> work, [NotNullWhen(true)] out Task<T>? running)
    {
        running = null;
        lock (_gate)
        {
            if (_disposed)
                return false;
            running = Task.Run(() => work(_stopping.Token), CancellationToken.None);
            _background.Add(running);
        }

        _ = running.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        return true;
    }

    private void Forget(Task done)
    {
        lock (_gate)
            _background.Remove(done);
    }
}

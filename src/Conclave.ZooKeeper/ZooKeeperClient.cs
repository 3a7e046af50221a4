using System.Diagnostics.CodeAnalysis;
using Conclave.ZooKeeper.Wire;

namespace Conclave.ZooKeeper;

/// <summary>
/// Keeps a session with a ZooKeeper ensemble for all elections that a program takes part in: ten thousand elections, one connection. The session is opened when it is first
/// needed, goes on over reconnections to any of the servers, and is followed by a new one when it was lost. Disposing closes it, which ends every candidacy at once.
/// Thread-safe.
/// </summary>
public sealed class ZooKeeperClient : IAsyncDisposable
{
    private readonly ServerRing _servers;
    private readonly SemaphoreSlim _opening = new(1, 1);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();
    private readonly List<(Session Session, Task Running)> _sessions = [];
    private readonly HashSet<Task> _background = [];
    private bool _disposed;

    /// <param name="options">Checked here.</param>
    public ZooKeeperClient(ZooKeeperClientOptions options)
        : this(options, BootTime.Provider) { }

    internal ZooKeeperClient(ZooKeeperClientOptions options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        (Options, Time, _servers) = (options, time, new ServerRing(options.Servers));
    }

    internal ZooKeeperClientOptions Options { get; }

    internal TimeProvider Time { get; }

    internal RetryBackoff NewBackoff() => new(Options.RetryIntervalMin, Options.RetryIntervalMax, Time);

    /// <summary>Why there is no session; null when there was no attempt, or the last one succeeded.</summary>
    internal string? LastFault { get; private set; }

    /// <summary>Closes the session; servers that stay silent are waited for no longer than <see cref="ZooKeeperClientOptions.WithdrawTimeout"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] running;
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            running = [.. _sessions.Select(kept => kept.Running), .. _background];
        }

        await _stopping.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(running).ConfigureAwait(false);
        _stopping.Dispose();
    }

    /// <summary>The session that is held now, or a new one. One attempt: silence is the caller's to repeat.</summary>
    /// <exception cref="ConnectionLostException">No server took us.</exception>
    internal async Task<Session> EnterSessionAsync(CancellationToken cancellation)
    {
        await _opening.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, this);
                _sessions.RemoveAll(kept => kept.Running.IsCompleted);
                if (_sessions.Select(kept => kept.Session).LastOrDefault() is { } current && current.Timer.IsHeld)
                    return current;
            }

            var opened = await Session.OpenAsync(Options, _servers, Time, cancellation).ConfigureAwait(false);
            LastFault = null;
            lock (_gate)
            {
                if (!_disposed)
                {
                    _sessions.Add((opened, opened.RunAsync(_stopping.Token)));
                    return opened;
                }
            }

            // Disposed meanwhile: it is run all the same, so that it is closed.
            await opened.RunAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
            throw new ObjectDisposedException(nameof(ZooKeeperClient));
        }
        catch (ConnectionLostException fault)
        {
            LastFault = fault.Message;
            throw;
        }
        finally
        {
            _opening.Release();
        }
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

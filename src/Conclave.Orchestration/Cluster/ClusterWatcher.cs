using System.Diagnostics;
using Conclave.Wire.Etcd;
using Google.Protobuf;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Cluster;

/// <summary>
/// Keeps a <see cref="ClusterView"/> current by list and watch. Without a store it keeps the last view: what was true a moment ago is the best guess
/// of what is true now, and nothing in this process may stop only because the store cannot be asked. <see cref="RunAsync"/> once; the rest is thread-safe.
/// </summary>
public sealed class ClusterWatcher(ClusterStore store, ILogger log)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private readonly Lock _lock = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ClusterView _view = ClusterView.Empty;

    /// <summary>The latest view.</summary>
    public ClusterView View => Volatile.Read(ref _view);

    /// <summary>Completes when the view is another than <paramref name="seen"/>.</summary>
    public async Task<ClusterView> NextAsync(ClusterView seen, CancellationToken cancel)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (!ReferenceEquals(_view, seen))
                    return _view;
                changed = _changed.Task;
            }

            await changed.WaitAsync(cancel);
        }
    }

    /// <summary>Lists and watches until cancelled; every failure of the store is waited out.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                // Serializable: a list that is a little old is caught up by the watch, and a node that is alone can still see where it was.
                var view = await store.ReadAsync(serializable: true, stopping);
                if (view.Revision >= View.Revision)
                    Set(view);
                await FollowAsync(View, stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (EtcdException unavailable)
            {
                log.StoreUnavailable(unavailable.Message);
                await Task.Delay(Pause, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task FollowAsync(ClusterView from, CancellationToken stopping)
    {
        var request = new WatchCreateRequest
        {
            Key = ByteString.CopyFromUtf8(store.Keys.Root),
            RangeEnd = ByteString.CopyFrom(ClusterKeys.EndOf(store.Keys.Root)),
            StartRevision = from.Revision + 1,
        };
        await foreach (var response in store.Client.WatchAsync(request, stopping))
        {
            if (response.Events.Count == 0)
                continue;
            var view = View with { Revision = response.Header.Revision };
            foreach (var change in response.Events)
            {
                Debug.Assert(change.Kv is not null, "an event names its key");
                var value = change.Type == Event.Types.EventType.Put ? change.Kv.Value.Memory : (ReadOnlyMemory<byte>?)null;
                view = view.With(store.Keys, change.Kv.Key.ToStringUtf8(), value, change.Kv.ModRevision);
            }

            Set(view);
        }
    }

    private void Set(ClusterView view)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            _view = view;
            changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.SetResult();
    }
}

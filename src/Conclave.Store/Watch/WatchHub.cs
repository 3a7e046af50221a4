using Conclave.Consensus;
using Conclave.Store.Mvcc;

namespace Conclave.Store.Watch;

/// <summary>
/// Tells watchers what happened: each event once, in order, all events of a revision together. A watcher is either <em>synced</em>: it gets events in the
/// turn in which they are applied; or <em>lagging</em>: its start lies in the past, or its sink was full. A lagging one reads history at <see cref="Pump"/>, bit by bit, until
/// nothing is missing. So a slow client costs the store nothing but its place in a queue. Owned by the replica's loop.
/// </summary>
public sealed class WatchHub
{
    private readonly MvccStore _store;
    private readonly WatchOptions _options;
    private readonly SyncedWatchers _synced = new();
    private readonly Queue<Watcher> _lagging = new();

    // Reused from one revision to the next.
    private readonly List<SyncedWatchers.Group> _matches = [];
    private readonly List<Watcher> _touched = [];

    private int _open;

    /// <summary>Nobody watches <paramref name="store"/> yet.</summary>
    public WatchHub(MvccStore store, WatchOptions options) => (_store, _options) = (store, options.Checked());

    /// <summary>Open watches.</summary>
    public int Count => _open;

    /// <summary>Those that are catching up: <see cref="Pump"/> has something to do, or waits for their sinks.</summary>
    public int LaggingCount => _open - _synced.Count;

    /// <summary>Opens a watch. Nothing is delivered within this call, so the caller can say "created" first.</summary>
    public Watcher Open(WatchSpec spec, IWatchSink sink)
    {
        var keys = new KeyRange(spec.Keys.Key.ToArray(), spec.Keys.End.ToArray());
        var watcher = new Watcher(spec with { Keys = keys }, sink)
        {
            Next = spec.Start.Value <= 0 ? _store.Current.Next : spec.Start,
        };
        _open++;
        if (watcher.Next > _store.Current)
            Sync(watcher);
        else
            _lagging.Enqueue(watcher);
        return watcher;
    }

    /// <summary>Ends a watch; nothing is delivered to it any more. Closing twice is nothing.</summary>
    public void Close(Watcher watcher)
    {
        if (watcher.IsClosed)
            return;
        if (watcher.IsSynced)
            _synced.Remove(watcher);
        // A lagging one leaves the queue when its turn comes.
        (watcher.IsClosed, watcher.IsSynced, watcher.Pending) = (true, false, null);
        _open--;
    }

    /// <summary>Delivers an empty batch with the current revision. False: it is catching up, or its sink is full.</summary>
    public bool TryProgress(Watcher watcher) =>
        watcher.IsSynced && watcher.Sink.TryDeliver(new WatchBatch.Progress { Watch = watcher.Spec.Id, Revision = _store.Current });

    /// <summary>
    /// One bounded turn of catching up, fair over all lagging watchers. True when more can be done at once; false when nobody lags, or all that do
    /// wait for room in their sinks. Call it in every turn of the replica, and when a sink that was full has room again.
    /// </summary>
    public bool Pump()
    {
        var budget = _options.PumpEvents;
        var more = false;
        for (var turns = _lagging.Count; turns > 0 && budget > 0; turns--)
        {
            var watcher = _lagging.Dequeue();
            if (watcher.IsClosed)
                continue;
            var progress = Advance(watcher, ref budget);
            if (progress == Progress.CaughtUp)
                Sync(watcher);
            else if (progress != Progress.Ended)
                _lagging.Enqueue(watcher);
            more |= progress == Progress.More;
        }

        return more || budget <= 0;
    }

    /// <summary>One revision has been committed.</summary>
    internal void Publish(Revision revision, IReadOnlyList<StoreEvent> changes)
    {
        if (_synced.Count == 0)
            return;
        for (var i = 0; i < changes.Count; i++)
        {
            _matches.Clear();
            _synced.Match(changes[i].Kv.Key, _matches);
            foreach (var group in _matches)
                Collect(group, revision, changes[i]);
        }

        foreach (var watcher in _touched)
        {
            var batch = Batch(watcher, revision, watcher.Collecting!);
            watcher.Collecting = null;
            if (watcher.Sink.TryDeliver(batch))
                continue;
            _synced.Remove(watcher);
            (watcher.IsSynced, watcher.Pending, watcher.Next) = (false, batch, revision.Next);
            _lagging.Enqueue(watcher);
        }

        _touched.Clear();
    }

    /// <summary>
    /// The store was replaced by a snapshot. Synced watchers have seen everything up to <paramref name="before"/>, so they lag now and go on from there in the restored history,
    /// or learn that it is compacted.
    /// </summary>
    internal void StoreReplaced(Revision before)
    {
        foreach (var watcher in _synced.All.ToList())
        {
            _synced.Remove(watcher);
            watcher.IsSynced = false;
            if (watcher.Next <= before)
                watcher.Next = before.Next;
            _lagging.Enqueue(watcher);
        }
    }

    private enum Progress
    {
        /// <summary>The sink is full.</summary>
        Blocked,

        /// <summary>Its share of this turn is used up.</summary>
        More,

        /// <summary>It has everything.</summary>
        CaughtUp,

        /// <summary>It has been told that it is over.</summary>
        Ended,
    }

    private Progress Advance(Watcher watcher, ref int budget)
    {
        while (true)
        {
            if (watcher.Pending is { } pending)
            {
                if (!watcher.Sink.TryDeliver(pending))
                    return Progress.Blocked;
                watcher.Pending = null;
                if (pending is WatchBatch.Compacted)
                {
                    Close(watcher);
                    return Progress.Ended;
                }
            }

            if (watcher.Next > _store.Current)
                return Progress.CaughtUp;
            if (budget <= 0)
                return Progress.More;
            if (watcher.Next < _store.Compacted)
                watcher.Pending = new WatchBatch.Compacted(_store.Compacted) { Watch = watcher.Spec.Id, Revision = _store.Current };
            else
                ReadHistory(watcher, ref budget);
        }
    }

    /// <summary>Makes the next batch, if there is one within the budget. Stops between revisions only, so a large one may exceed budget and batch.</summary>
    private void ReadHistory(Watcher watcher, ref int budget)
    {
        var log = _store.Log;
        var events = new List<StoreEvent>();
        var through = _store.Current;
        Revision? last = null;
        for (var position = log.PositionOf(watcher.Next); position < log.End; position++)
        {
            var change = log[position];
            if (change.Kv.ModRevision != last && last is { } complete && (budget <= 0 || events.Count >= _options.BatchEvents))
            {
                through = complete;
                break;
            }

            last = change.Kv.ModRevision;
            budget--;
            if (!Wants(watcher.Spec, change) || !watcher.Spec.Keys.Contains(change.Kv.Key.Span))
                continue;
            events.Add(Show(watcher.Spec, change));
        }

        watcher.Next = through.Next;
        if (events.Count > 0)
            watcher.Pending = Batch(watcher, through, events);
    }

    private void Collect(SyncedWatchers.Group group, Revision revision, StoreEvent change)
    {
        foreach (var watcher in group.Watchers)
        {
            if (revision < watcher.Next || !Wants(watcher.Spec, change))
                continue;
            if (watcher.Collecting is null)
            {
                watcher.Collecting = [];
                _touched.Add(watcher);
            }

            watcher.Collecting.Add(Show(watcher.Spec, change));
        }
    }

    private void Sync(Watcher watcher)
    {
        Invariant.Require(watcher.Pending is null, "A synced watcher has everything");
        watcher.IsSynced = true;
        _synced.Add(watcher);
    }

    private static bool Wants(WatchSpec spec, StoreEvent change) => change.IsDelete ? !spec.NoDelete : !spec.NoPut;

    /// <summary>What an event of the compacted revision replaced is compacted, whether or not its memory has been given back yet.</summary>
    private StoreEvent Show(WatchSpec spec, StoreEvent change) =>
        spec.PrevKv && change.Kv.ModRevision > _store.Compacted ? change : change with { Previous = null };

    private static WatchBatch.Events Batch(Watcher watcher, Revision revision, List<StoreEvent> events) =>
        new(events) { Watch = watcher.Spec.Id, Revision = revision };
}

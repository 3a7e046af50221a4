namespace Conclave.Store.Watch;

/// <summary>One open watch: the handle that <see cref="WatchHub"/> gives out.</summary>
public sealed class Watcher
{
    internal Watcher(WatchSpec spec, IWatchSink sink)
    {
        Spec = spec;
        Sink = sink;
    }

    /// <summary>What is watched.</summary>
    public WatchSpec Spec { get; }

    /// <summary>It gets events as they happen; otherwise it is catching up from history.</summary>
    public bool IsSynced { get; internal set; }

    /// <summary>Closed by its owner, or ended by a compaction and told so.</summary>
    public bool IsClosed { get; internal set; }

    internal IWatchSink Sink { get; }

    /// <summary>Nothing below it is wanted any more. While synced it moves only when it lies in the future: synced means "everything so far".</summary>
    internal Revision Next { get; set; }

    /// <summary>Made but refused by the full sink; goes first. Only lagging watchers have one.</summary>
    internal WatchBatch? Pending { get; set; }

    /// <summary>What the revision being published has for it.</summary>
    internal List<Mvcc.StoreEvent>? Collecting { get; set; }

    /// <summary>Its place among the watchers of the same range.</summary>
    internal int Slot { get; set; }
}

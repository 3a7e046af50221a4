using Conclave.Store.Mvcc;

namespace Conclave.Store.Watch;

/// <summary>Names a watch among those of one stream; chosen by whoever opens it, not looked at by the hub.</summary>
public readonly record struct WatchId(long Value);

/// <summary>What to watch.</summary>
public sealed record WatchSpec(WatchId Id, KeyRange Keys)
{
    /// <summary>The first revision wanted; zero: what happens from now on.</summary>
    public Revision Start { get; init; }

    /// <summary>Deliver <see cref="StoreEvent.Previous"/> too.</summary>
    public bool PrevKv { get; init; }

    /// <summary>Leave puts out.</summary>
    public bool NoPut { get; init; }

    /// <summary>Leave deletions out.</summary>
    public bool NoDelete { get; init; }
}

/// <summary>What a watcher is told, in order. After <see cref="Compacted"/> nothing more comes.</summary>
public abstract record WatchBatch
{
    private WatchBatch()
    {
    }

    /// <summary>Whose it is.</summary>
    public required WatchId Watch { get; init; }

    /// <summary>Everything up to and including this revision has now been delivered: to resume, start at the next one.</summary>
    public required Revision Revision { get; init; }

    /// <summary>Events of one or more whole revisions, in order; never empty.</summary>
    public sealed record Events(IReadOnlyList<StoreEvent> List) : WatchBatch;

    /// <summary>Nothing happened, up to this revision.</summary>
    public sealed record Progress : WatchBatch;

    /// <summary>The watch is over: it needs history below <paramref name="CompactRevision"/>.</summary>
    public sealed record Compacted(Revision CompactRevision) : WatchBatch;
}

/// <summary>
/// Where batches go: a bounded queue in front of one client. Called on the replica's loop, so it may neither block nor call the hub.
/// </summary>
public interface IWatchSink
{
    /// <summary>False when full: the batch is not taken and comes again at a later <see cref="WatchHub.Pump"/>.</summary>
    bool TryDeliver(WatchBatch batch);
}

/// <summary>Bounds of the hub.</summary>
public sealed record WatchOptions
{
    /// <summary>How many events of history one <see cref="WatchHub.Pump"/> looks at, over all lagging watchers. Default 10,000 (about a millisecond).</summary>
    public int PumpEvents { get; init; } = 10_000;

    /// <summary>After how many events a batch made from history ends, at the end of a revision. Default 1,000.</summary>
    public int BatchEvents { get; init; } = 1_000;

    internal WatchOptions Checked() =>
        PumpEvents > 0 && BatchEvents > 0
            ? this
            : throw new InvalidOperationException($"Every watch option must be above zero: {this}.");
}

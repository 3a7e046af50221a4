using Conclave.Store.Watch;
using Conclave.Wire.Etcd;

namespace Conclave.Server.Services;

/// <summary>One watch of a stream: what its client asked for beyond keys and revision, and where its batches go.</summary>
internal sealed class StreamWatch(WatchMailbox mailbox, long id, WatchCreateRequest request) : IWatchSink
{
    public long Id => id;

    public bool PrevKv => request.PrevKv;

    public bool Fragment => request.Fragment;

    public bool ProgressNotify => request.ProgressNotify;

    /// <summary>Set by the loop when the hub has opened it.</summary>
    public Watcher? Watcher { get; set; }

    /// <summary>Nothing was delivered since the last progress round. Touched by the loop only.</summary>
    public bool IsIdle { get; set; }

    public bool TryDeliver(WatchBatch batch)
    {
        IsIdle = false;
        return mailbox.TryDeliver(this, batch);
    }
}

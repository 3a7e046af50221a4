using Conclave.Store.Watch;

namespace Conclave.Store.Tests.Watch;

/// <summary>A client with a queue of so many batches.</summary>
internal sealed class RecordingSink(int room = int.MaxValue) : IWatchSink
{
    public Queue<WatchBatch> Batches { get; } = [];

    public int Room { get; set; } = room;

    public bool TryDeliver(WatchBatch batch)
    {
        if (Batches.Count >= Room)
            return false;
        Batches.Enqueue(batch);
        return true;
    }

    public List<string> Drain()
    {
        var lines = Batches.Select(Show).ToList();
        Batches.Clear();
        return lines;
    }

    private static string Show(WatchBatch batch) => batch switch
    {
        WatchBatch.Events events => $"@{events.Revision} {string.Join(' ', events.List.Select(Text.Show))}",
        WatchBatch.Progress progress => $"@{progress.Revision}",
        WatchBatch.Compacted compacted => $"compacted {compacted.CompactRevision}",
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}

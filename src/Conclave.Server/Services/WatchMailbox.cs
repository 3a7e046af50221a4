using System.Threading.Channels;
using Conclave.Store.Watch;
using Conclave.Wire.Etcd;

namespace Conclave.Server.Services;

/// <summary>
/// What waits for one stream's client, in the order in which it must hear it. The replica's loop puts batches in and never waits: when it is full the hub keeps
/// the watch's place in history instead. Answers to the client's own requests always fit; it is the reader of requests that waits for room.
/// </summary>
internal sealed class WatchMailbox(int responsesMax, Action roomAgain)
{
    private readonly Lock _gate = new();
    private readonly Channel<Item> _items = Channel.CreateUnbounded<Item>();
    private int _count;
    private TaskCompletionSource _room = Completed();
    private bool _refused;

    /// <summary>A batch of a watch, or a whole response.</summary>
    public readonly record struct Item(StreamWatch? Watch, WatchBatch? Batch, WatchResponse? Response);

    public bool TryDeliver(StreamWatch watch, WatchBatch batch)
    {
        lock (_gate)
        {
            if (_count >= responsesMax)
            {
                _refused = true;
                return false;
            }

            Add(new Item(watch, batch, null));
            return true;
        }
    }

    public void Post(WatchResponse response)
    {
        lock (_gate) Add(new Item(null, null, response));
    }

    /// <summary>Completes when less than the bound is waiting.</summary>
    public Task WaitForRoomAsync(CancellationToken cancellation)
    {
        lock (_gate) return _room.Task.WaitAsync(cancellation);
    }

    /// <summary>One taker at a time.</summary>
    public async ValueTask<Item> TakeAsync(CancellationToken cancellation)
    {
        var item = await _items.Reader.ReadAsync(cancellation);
        bool wake;
        lock (_gate)
        {
            if (--_count < responsesMax) _room.TrySetResult();

            // Not at the first free place, or every batch would cost a turn of the loop.
            wake = _refused && _count <= responsesMax / 2;
            if (wake) _refused = false;
        }

        if (wake) roomAgain();
        return item;
    }

    private void Add(Item item)
    {
        _items.Writer.TryWrite(item);
        if (++_count >= responsesMax && _room.Task.IsCompleted) _room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private static TaskCompletionSource Completed()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }
}

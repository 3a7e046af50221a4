using Conclave.Store.Leases;
using Conclave.Store.Mvcc;
using Conclave.Store.Watch;

namespace Conclave.Store.Tests.Watch;

public sealed class WatchHubTests
{
    private readonly Replayed _store = new();
    private readonly RecordingSink _sink = new();

    private WatchHub Hub => _store.Applier.Watches;

    [Fact]
    public void A_synced_watcher_hears_in_the_turn_that_applies()
    {
        Open(Text.Keys("a"));
        _store.Run(Text.Put("b", "0"));
        _store.Run(Text.Put("a", "1"));
        _store.Run(Text.Delete("a"));
        Assert.Equal(["@3 a=1(3,3,1,0)<-", "@4 a!4<-"], _sink.Drain());
    }

    [Fact]
    public void A_start_in_the_past_gets_history_then_the_present_without_a_seam()
    {
        _store.Run(Text.Put("a", "1"));
        _store.Run(Text.Put("a", "2"));
        var watcher = Open(Text.Keys("a"), start: 3);
        _store.Run(Text.Put("a", "3"));
        Assert.False(watcher.IsSynced);
        Assert.Empty(_sink.Drain());
        Assert.False(Hub.Pump());
        Assert.True(watcher.IsSynced);
        _store.Run(Text.Put("a", "4"));
        Assert.Equal(["@4 a=2(2,3,2,0)<- a=3(2,4,3,0)<-", "@5 a=4(2,5,4,0)<-"], _sink.Drain());
    }

    [Fact]
    public void A_start_in_the_future_waits_for_it()
    {
        Open(Text.Keys("a"), start: 4);
        for (var i = 0; i < 4; i++)
            _store.Run(Text.Put("a", $"{i}"));
        Assert.Equal(["@4 a=2(2,4,3,0)<-", "@5 a=3(2,5,4,0)<-"], _sink.Drain());
    }

    [Fact]
    public void A_start_below_the_compaction_is_cancelled_and_one_at_it_is_not()
    {
        for (var i = 0; i < 5; i++)
            _store.Run(Text.Put("a", $"{i}"));
        _store.Run(new Command.Compact(new Revision(4)));
        var below = Open(Text.Keys("a"), start: 3);
        Hub.Pump();
        Assert.Equal(["compacted 4"], _sink.Drain());
        Assert.True(below.IsClosed);
        Open(Text.Keys("a"), start: 4, prevKv: true);
        Hub.Pump();
        Assert.Equal(["@6 a=2(2,4,3,0)<- a=3(2,5,4,0)<a=2(2,4,3,0) a=4(2,6,5,0)<a=3(2,5,4,0)"], _sink.Drain());
        Assert.Equal(1, Hub.Count);
    }

    [Fact]
    public void A_full_sink_holds_nobody_and_misses_nothing()
    {
        _sink.Room = 1;
        var slow = Open(Text.Keys("a"));
        var other = new RecordingSink();
        Hub.Open(new WatchSpec(new WatchId(2), KeyRange.All), other);
        for (var i = 0; i < 4; i++)
            _store.Run(Text.Put("a", $"{i}"));
        Assert.False(slow.IsSynced);
        Assert.Equal(4, other.Drain().Count);
        Assert.Equal(["@2 a=0(2,2,1,0)<-"], _sink.Drain());
        Assert.False(Hub.Pump());
        Assert.Equal(["@3 a=1(2,3,2,0)<-"], _sink.Drain());
        Assert.False(Hub.Pump());
        Assert.Equal(["@5 a=2(2,4,3,0)<- a=3(2,5,4,0)<-"], _sink.Drain());
        Assert.True(slow.IsSynced);
    }

    [Fact]
    public void Events_of_one_revision_stay_together()
    {
        Open(Text.Keys("a", "z"));
        _store.Run(new Command.Txn([], [Text.Put("b", "1"), Text.Put("zz", "1"), Text.Put("a", "1")], []));
        Assert.Equal(["@2 b=1(2,2,1,0)<- a=1(2,2,1,0)<-"], _sink.Drain());
    }

    [Fact]
    public void Filters_leave_out_puts_or_deletions()
    {
        Hub.Open(new WatchSpec(new WatchId(1), Text.Keys("a")) { NoPut = true, PrevKv = true }, _sink);
        var puts = new RecordingSink();
        Hub.Open(new WatchSpec(new WatchId(2), Text.Keys("a")) { NoDelete = true }, puts);
        _store.Run(Text.Put("a", "1"));
        _store.Run(Text.Delete("a"));
        Assert.Equal(["@3 a!3<a=1(2,2,1,0)"], _sink.Drain());
        Assert.Equal(["@2 a=1(2,2,1,0)<-"], puts.Drain());
    }

    [Fact]
    public void Progress_is_told_only_to_those_who_have_everything()
    {
        _store.Run(Text.Put("a", "1"));
        var watcher = Open(Text.Keys("a"), start: 1);
        Assert.False(Hub.TryProgress(watcher));
        Hub.Pump();
        _sink.Drain();
        _store.Run(Text.Put("b", "1"));
        Assert.True(Hub.TryProgress(watcher));
        Assert.Equal(["@3"], _sink.Drain());
    }

    [Fact]
    public void A_closed_watcher_hears_nothing_more()
    {
        var synced = Open(Text.Keys("a"));
        Hub.Close(synced);
        Hub.Close(synced);
        _store.Run(Text.Put("a", "1"));
        var lagging = Open(Text.Keys("a"), start: 1);
        Hub.Close(lagging);
        Hub.Pump();
        Assert.Empty(_sink.Drain());
        Assert.Equal(0, Hub.Count);
        Assert.Equal(0, Hub.LaggingCount);
    }

    [Fact]
    public void One_pump_looks_at_a_bounded_piece_of_history()
    {
        var store = new Replayed(watches: new WatchOptions { PumpEvents = 10, BatchEvents = 4 });
        for (var i = 0; i < 25; i++)
            store.Run(Text.Put("a", "x"));
        store.Applier.Watches.Open(new WatchSpec(new WatchId(1), Text.Keys("a")) { Start = new Revision(2) }, _sink);
        Assert.True(store.Applier.Watches.Pump());
        Assert.Equal([4, 4, 2], _sink.Batches.Select(batch => ((WatchBatch.Events)batch).List.Count));
        Assert.True(store.Applier.Watches.Pump());
        Assert.False(store.Applier.Watches.Pump());
        Assert.Equal(25, _sink.Batches.Sum(batch => ((WatchBatch.Events)batch).List.Count));
    }

    [Fact]
    public void A_restored_snapshot_goes_on_where_the_watcher_was()
    {
        var leader = new Replayed();
        var follower = new Applier(new LeaseOptions(), new WatchOptions());
        leader.Run(Text.Put("a", "1"));
        follower.Apply(leader.Log[0]);
        follower.Watches.Open(new WatchSpec(new WatchId(1), Text.Keys("a")), _sink);
        leader.Run(Text.Put("a", "2"));
        leader.Run(Text.Put("a", "3"));
        follower.Restore(leader.Applier.WriteSnapshot());
        follower.Watches.Pump();
        leader.Run(Text.Put("a", "4"));
        follower.Apply(leader.Log[^1]);
        Assert.Equal(["@4 a=2(2,3,2,0)<- a=3(2,4,3,0)<-", "@5 a=4(2,5,4,0)<-"], _sink.Drain());
    }

    [Fact]
    public void A_restored_snapshot_without_the_history_cancels_the_watcher()
    {
        var leader = new Replayed();
        var follower = new Applier(new LeaseOptions(), new WatchOptions());
        follower.Watches.Open(new WatchSpec(new WatchId(1), Text.Keys("a")), _sink);
        for (var i = 0; i < 3; i++)
            leader.Run(Text.Put("a", "x"));
        leader.Run(new Command.Compact(new Revision(4)));
        follower.Restore(leader.Applier.WriteSnapshot());
        follower.Watches.Pump();
        Assert.Equal(["compacted 4"], _sink.Drain());
    }

    private Watcher Open(KeyRange keys, long start = 0, bool prevKv = false) =>
        Hub.Open(new WatchSpec(new WatchId(1), keys) { Start = new Revision(start), PrevKv = prevKv }, _sink);
}

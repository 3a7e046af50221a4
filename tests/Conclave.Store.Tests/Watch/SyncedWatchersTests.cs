using Conclave.Store.Mvcc;
using Conclave.Store.Watch;

namespace Conclave.Store.Tests.Watch;

public sealed class SyncedWatchersTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Finds_exactly_those_that_a_scan_finds(int seed)
    {
        var draw = new RandomCommands(seed);
        var set = new SyncedWatchers();
        var all = new List<Watcher>();
        var found = new List<SyncedWatchers.Group>();
        for (var step = 0; step < 10_000; step++)
        {
            if (draw.Random.Next(step % 2_000 < 1_000 ? 2 : 6) == 0)
            {
                var watcher = new Watcher(new WatchSpec(new WatchId(step), draw.Keys()), new RecordingSink());
                set.Add(watcher);
                all.Add(watcher);
            }
            else if (all.Count > 0 && draw.Random.Next(2) == 0)
            {
                var at = draw.Random.Next(all.Count);
                set.Remove(all[at]);
                all.RemoveAt(at);
            }

            var key = Text.Bytes(draw.Key());
            found.Clear();
            set.Match(key, found);
            Assert.Equal(
                all.Where(watcher => watcher.Spec.Keys.Contains(key.Span)).Select(watcher => watcher.Spec.Id.Value).Order(),
                found.SelectMany(group => group.Watchers).Select(watcher => watcher.Spec.Id.Value).Order());
            Assert.Equal(all.Count, set.Count);
        }
    }
}

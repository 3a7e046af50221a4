using Conclave.Store.Leases;
using Conclave.Store.Mvcc;
using Conclave.Store.Watch;

namespace Conclave.Store.Tests.Watch;

/// <summary>
/// Random writes, compactions and restored snapshots, with clients that open, read slowly and close: each hears exactly what the model says happened from its start on, in
/// order, once, whole revisions at a time, or up to some point and then that the rest is compacted.
/// </summary>
public sealed class WatchModelTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void Every_watcher_hears_what_the_model_says(int seed)
    {
        var (model, draw) = (new ReferenceModel(), new RandomCommands(seed));
        var random = draw.Random;
        var options = new WatchOptions { PumpEvents = 7, BatchEvents = 3 };
        var real = new Replayed(watches: options);
        var clients = new List<Client>();
        var (cancelled, lagged, restored) = (0, 0, 0);

        for (var step = 0; step < 4_000; step++)
        {
            var hub = real.Applier.Watches;
            switch (random.Next(20))
            {
                case < 9:
                    var command = draw.Next(model.Current, model.Compacted);
                    // A compaction every few hundred steps only, or nobody would ever read history.
                    if (command is Command.Compact && random.Next(4) != 0)
                        break;
                    model.Run(command);
                    real.Run(command);
                    break;
                case < 12:
                    hub.Pump();
                    break;
                case < 17 when clients.Count > 0:
                    clients[random.Next(clients.Count)].Read(model, random.Next(1, 4));
                    break;
                case 17 when clients.Count < 30:
                    clients.Add(Client.Open(hub, draw, model));
                    break;
                case 18 when random.Next(8) == 0 && clients.Count > 0:
                    var closing = clients[random.Next(clients.Count)];
                    hub.Close(closing.Watcher);
                    clients.Remove(closing);
                    break;
                case 19 when random.Next(40) == 0:
                    // The member falls behind, then gets everything at once.
                    var other = new Applier(new LeaseOptions(), new WatchOptions());
                    foreach (var entry in real.Log)
                        other.Apply(entry);
                    real.Applier.Restore(other.WriteSnapshot());
                    restored++;
                    break;
            }

            lagged = Math.Max(lagged, hub.LaggingCount);
            cancelled += clients.RemoveAll(client => client.IsOver);
        }

        for (var round = 0; round < 10_000 && clients.Exists(client => !client.IsOver && client.Next <= model.Current); round++)
        {
            real.Applier.Watches.Pump();
            foreach (var client in clients)
                client.Read(model, int.MaxValue);
        }

        foreach (var client in clients.Where(client => !client.IsOver))
            client.AssertHasEverything(model);
        Assert.True(cancelled > 0 && lagged > 5 && restored > 0, $"Cancelled {cancelled}, lagged {lagged}, restored {restored}");
    }

    private sealed class Client
    {
        private readonly WatchSpec _spec;
        private readonly RecordingSink _sink;

        private Client(WatchSpec spec, RecordingSink sink, Watcher watcher, long next)
        {
            _spec = spec;
            _sink = sink;
            Watcher = watcher;
            Next = next;
        }

        public Watcher Watcher { get; }

        /// <summary>The first revision it has not been told of.</summary>
        public long Next { get; private set; }

        public bool IsOver { get; private set; }

        public static Client Open(WatchHub hub, RandomCommands draw, ReferenceModel model)
        {
            var random = draw.Random;
            var start = random.Next(3) switch { 0 => 0, 1 => random.NextInt64(Math.Max(1, model.Compacted - 2), model.Current + 1), _ => model.Current + random.Next(4) };
            var spec = new WatchSpec(new WatchId(random.Next()), draw.Keys())
            {
                Start = new Revision(start),
                PrevKv = random.Next(2) == 0,
                NoPut = random.Next(6) == 0,
                NoDelete = random.Next(6) == 0,
            };
            var sink = new RecordingSink(random.Next(1, 4));
            return new Client(spec, sink, hub.Open(spec, sink), start == 0 ? model.Current + 1 : start);
        }

        public void Read(ReferenceModel model, int batches)
        {
            for (; batches > 0 && _sink.Batches.TryDequeue(out var batch); batches--)
            {
                Assert.Equal(_spec.Id, batch.Watch);
                if (batch is WatchBatch.Compacted compacted)
                {
                    Assert.Empty(_sink.Batches);
                    Assert.True(Next < compacted.CompactRevision.Value, "Cancelled for a reason");
                    IsOver = true;
                    return;
                }

                var events = ((WatchBatch.Events)batch).List;
                Assert.NotEmpty(events);
                // What stands in the queue may have been compacted since, so prev_kv is compared apart from the rest.
                Assert.Equal(Expected(model, batch.Revision.Value), events.Select(change => Text.Show(change with { Previous = null })));
                Assert.All(events, change => Assert.True(_spec.PrevKv || change.Previous is null));
                Assert.All(events.Where(change => change.Previous is not null), change => Assert.Equal(Text.Of(change.Kv.Key), Text.Of(change.Previous!.Key)));
                Next = batch.Revision.Value + 1;
            }
        }

        public void AssertHasEverything(ReferenceModel model) => Assert.Empty(Expected(model, model.Current));

        private List<string> Expected(ReferenceModel model, long through)
        {
            var expected = new List<string>();
            for (; Next <= through; Next++)
                expected.AddRange(model.EventsOf(Next, key => _spec.Keys.Contains(Text.Bytes(key).Span), !_spec.NoPut, !_spec.NoDelete, prevKv: false));
            return expected;
        }
    }
}

using Conclave.Store.Mvcc;

namespace Conclave.Store.Tests.Mvcc;

public sealed class StoreModelTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void Answers_equal_those_of_the_reference_model(int seed)
    {
        var (real, model, draw) = (new Replayed(), new ReferenceModel(), new RandomCommands(seed));
        for (var step = 0; step < 1500; step++)
        {
            var command = draw.Next(model.Current, model.Compacted);
            Assert.Equal($"step {step}: {command}: {model.Run(command)}", $"step {step}: {command}: {real.Show(command)}");
            var query = draw.Query(model.Current, model.Compacted);
            var error = real.Applier.Store.Range(query, out var result);
            Assert.Equal(model.Range(query), error == StoreError.None ? Text.Show(result) : error.ToString());
        }

        Assert.True(model.Current > 500, "The commands write");
        Assert.True(model.Compacted > 0, "The commands compact");
    }

    [Fact]
    public void Every_uncompacted_revision_reads_as_it_was()
    {
        var (real, model, draw) = (new Replayed(), new ReferenceModel(), new RandomCommands(99));
        for (var step = 0; step < 600; step++)
        {
            var command = draw.Next(model.Current, model.Compacted);
            model.Run(command);
            real.Run(command);
        }

        for (var revision = Math.Max(1, model.Compacted); revision <= model.Current; revision++)
        {
            var query = new RangeQuery(KeyRange.All) { Revision = new Revision(revision) };
            Assert.Equal(StoreError.None, real.Applier.Store.Range(query, out var result));
            Assert.Equal(model.Range(query), Text.Show(result));
        }
    }

    [Fact]
    public void Compaction_gives_the_memory_back()
    {
        var real = new Replayed();
        real.Run(Text.Put("stays", "x"));
        var size = real.Applier.Store.SizeInBytes;
        for (var i = 0; i < 3000; i++)
        {
            real.Run(Text.Put("hot", $"{i}"));
            real.Run(Text.Put($"gone{i}", "x"));
            real.Run(Text.Delete($"gone{i}"));
        }

        real.Run(Text.Delete("hot"));
        real.Run(new Command.Compact(real.Applier.Store.Current));
        // Each further entry, whatever it does, pays for some of it.
        for (var i = 0; i < 20; i++)
            real.Run(Text.Range("stays"));
        Assert.Equal(1, real.Applier.Store.KeyCount);
        Assert.Equal(size, real.Applier.Store.SizeInBytes);
    }

    [Fact]
    public void A_hash_does_not_depend_on_how_far_trimming_has_come()
    {
        var real = new Replayed();
        for (var i = 0; i < 5000; i++)
            real.Run(Text.Put($"k{i % 700}", $"{i}"));
        real.Run(new Command.Compact(new Revision(4000)));
        Assert.Equal(StoreError.None, real.Applier.Store.HashKv(default, out var before));
        for (var i = 0; i < 10; i++)
            real.Run(Text.Range("k1"));
        Assert.Equal(StoreError.None, real.Applier.Store.HashKv(default, out var after));
        Assert.Equal(before, after);
    }

    [Fact]
    public void A_hash_at_a_revision_stays_while_the_store_moves_on()
    {
        var real = new Replayed();
        real.Run(Text.Put("a", "1"));
        real.Run(Text.Put("b", "2"));
        real.Applier.Store.HashKv(default, out var then);
        real.Run(Text.Put("a", "3"));
        real.Run(Text.Delete("b"));
        Assert.Equal(StoreError.None, real.Applier.Store.HashKv(then.At, out var again));
        Assert.Equal(then, again);
        real.Applier.Store.HashKv(default, out var now);
        Assert.NotEqual(then.Hash, now.Hash);
        Assert.Equal(StoreError.FutureRevision, real.Applier.Store.HashKv(new Revision(99), out _));
    }
}

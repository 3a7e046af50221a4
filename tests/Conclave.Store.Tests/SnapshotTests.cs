using Conclave.Store.Leases;
using Conclave.Store.Mvcc;
using Conclave.Store.Watch;

namespace Conclave.Store.Tests;

public sealed class SnapshotTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_same_entries_make_the_same_state(int seed)
    {
        var (real, model) = Random(seed, 1_500);
        var other = Fresh();
        foreach (var entry in real.Log)
            other.Apply(entry);
        Assert.Equal(Bytes(real.Applier), Bytes(other));
        Assert.Equal(Hash(real.Applier), Hash(other));
        Assert.Equal(real.Applier.Store.SizeInBytes, other.Store.SizeInBytes);
        Assert.Equal(model.Current, other.Store.Current.Value);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    public void A_restored_store_answers_and_goes_on_like_the_one_it_came_from(int seed)
    {
        var (real, model) = Random(seed, 1_000);
        var restored = Fresh();
        restored.Restore(Cut(real.Applier.WriteSnapshot(), new Random(seed)));
        Assert.Equal(real.Applier.Applied, restored.Applied);
        Assert.Equal(Hash(real.Applier), Hash(restored));
        Assert.Equal(Bytes(real.Applier), Bytes(restored));
        Assert.Equal(real.Applier.Leases.Ids, restored.Leases.Ids);
        foreach (var id in restored.Leases.Ids)
        {
            Assert.Equal(
                real.Applier.Leases.Find(id)!.Keys.Select(Text.Of),
                restored.Leases.Find(id)!.Keys.Select(Text.Of));
        }

        var draw = new RandomCommands(seed + 100);
        for (var step = 0; step < 1_000; step++)
        {
            var command = draw.Next(model.Current, model.Compacted);
            var expected = model.Run(command);
            Assert.Equal(expected, real.Show(command));
            Assert.Equal(expected, Text.Show(restored.Apply(real.Log[^1])!.Value.Result));
            var query = draw.Query(model.Current, model.Compacted);
            var error = restored.Store.Range(query, out var result);
            Assert.Equal(model.Range(query), error == StoreError.None ? Text.Show(result) : error.ToString());
        }

        Assert.Equal(Bytes(real.Applier), Bytes(restored));
        // Nothing was restored twice, nothing compacted came along: once both have trimmed, they are as large.
        Assert.Equal(real.Applier.Store.SizeInBytes, restored.Store.SizeInBytes);
    }

    [Fact]
    public void A_snapshot_is_of_the_moment_it_was_asked_for()
    {
        var real = new Replayed();
        real.Run(Text.Put("a", "1"));
        var before = Bytes(real.Applier);
        var lazily = real.Applier.WriteSnapshot();
        real.Run(Text.Put("a", "2"));
        real.Run(new Command.GrantLease(new LeaseId(1), 5));
        real.Run(new Command.Compact(new Revision(3)));
        Assert.Equal(before, lazily.SelectMany(chunk => chunk.ToArray()));
    }

    [Fact]
    public void Chunks_are_bounded_and_big_values_survive()
    {
        var real = new Replayed();
        for (var i = 0; i < 40; i++)
            real.Run(Text.Put($"k{i}", new string((char)('a' + (i % 26)), 50_000)));
        real.Run(Text.Put("big", new string('x', 1_500_000)));
        var chunks = real.Applier.WriteSnapshot().ToList();
        Assert.True(chunks.Count > 5);
        Assert.All(chunks, chunk => Assert.InRange(chunk.Length, 1, 256 * 1024));
        var restored = Fresh();
        restored.Restore(chunks);
        Assert.Equal(Hash(real.Applier), Hash(restored));
    }

    [Fact]
    public void A_damaged_snapshot_changes_nothing()
    {
        var (real, _) = Random(8, 200);
        var whole = Bytes(real.Applier);
        var target = Fresh();
        for (var length = 0; length < whole.Length; length += 7)
            Assert.Throws<SnapshotFormatException>(() => target.Restore([whole.AsMemory(0, length)]));
        Assert.Throws<SnapshotFormatException>(() => target.Restore([whole, new byte[1]]));
        whole[4]++;
        Assert.Contains("version 2", Assert.Throws<SnapshotFormatException>(() => target.Restore([whole])).Message, StringComparison.Ordinal);
        Assert.Equal(0, target.Store.KeyCount);
        Assert.Equal(default, target.Applied);
    }

    private static (Replayed Real, ReferenceModel Model) Random(int seed, int steps)
    {
        var (real, model, draw) = (new Replayed(), new ReferenceModel(), new RandomCommands(seed));
        for (var step = 0; step < steps; step++)
        {
            var command = draw.Next(model.Current, model.Compacted);
            model.Run(command);
            real.Run(command);
        }

        real.Run(new Command.PublishMember(new Conclave.Consensus.PeerId(9), "nine", ["http://p"], ["http://c", "http://d"]));
        return (real, model);
    }

    private static Applier Fresh() => new(new LeaseOptions(), new WatchOptions());

    private static byte[] Bytes(Applier applier) => applier.WriteSnapshot().SelectMany(chunk => chunk.ToArray()).ToArray();

    private static KvHash Hash(Applier applier)
    {
        Assert.Equal(StoreError.None, applier.Store.HashKv(default, out var hash));
        return hash;
    }

    /// <summary>The same bytes with other seams.</summary>
    private static IEnumerable<ReadOnlyMemory<byte>> Cut(IEnumerable<ReadOnlyMemory<byte>> chunks, Random random)
    {
        ReadOnlyMemory<byte> rest = chunks.SelectMany(chunk => chunk.ToArray()).ToArray();
        while (!rest.IsEmpty)
        {
            var length = Math.Min(rest.Length, random.Next(0, 9));
            yield return rest[..length];
            rest = rest[length..];
        }
    }
}

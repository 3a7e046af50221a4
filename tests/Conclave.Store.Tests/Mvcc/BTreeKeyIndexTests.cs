using Conclave.Store.Mvcc;

namespace Conclave.Store.Tests.Mvcc;

public sealed class BTreeKeyIndexTests
{
    [Theory]
    [InlineData(1, 300)]
    [InlineData(2, 5_000)]
    [InlineData(3, 100_000)]
    public void Holds_and_walks_what_a_sorted_dictionary_does(int seed, int keys)
    {
        var random = new Random(seed);
        var tree = new BTreeKeyIndex();
        var model = new SortedDictionary<string, KeyHistory>(StringComparer.Ordinal);
        for (var step = 0; step < 60_000; step++)
        {
            // Grows, then shrinks until leaves and branches go, then grows again.
            var adding = random.Next(10) < (step / 15_000 % 2 == 0 ? 8 : 2);
            var key = $"{random.Next(keys):d6}"[random.Next(3)..];
            var bytes = Text.Bytes(key).ToArray();
            if (adding)
            {
                var added = tree.FindOrAdd(bytes);
                if (model.TryGetValue(key, out var known))
                    Assert.Same(known, added);
                else
                    model[key] = added;
            }
            else
            {
                tree.Remove(bytes);
                model.Remove(key);
            }

            Assert.Same(model.GetValueOrDefault(key), tree.Find(bytes));
            if (step % 2_000 == 0)
                AssertSame(model, tree, key);
        }

        foreach (var key in model.Keys.ToList())
            tree.Remove(Text.Bytes(key).Span);
        Assert.Equal(0, tree.Count);
        Assert.Empty(tree.From(default));
    }

    [Fact]
    public void Keys_in_order_fill_their_leaves()
    {
        var tree = new BTreeKeyIndex();
        for (var i = 0; i < 100_000; i++)
            tree.FindOrAdd(Text.Bytes($"{i:d8}").Span);
        Assert.Equal(Enumerable.Range(0, 100_000).Select(i => $"{i:d8}"), tree.From(default).Select(history => Text.Of(history.Key)));
    }

    private static void AssertSame(SortedDictionary<string, KeyHistory> model, BTreeKeyIndex tree, string from)
    {
        Assert.Equal(model.Count, tree.Count);
        Assert.Equal(model.Values, tree.From(default));
        Assert.Equal(model.Where(pair => string.CompareOrdinal(pair.Key, from) >= 0).Select(pair => pair.Value), tree.From(Text.Bytes(from)));
    }
}

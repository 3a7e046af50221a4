namespace Conclave.ZooKeeper.Tests;

public sealed class SuccessionTests
{
    private readonly Succession _succession = new(Naming.Of(ZooKeeperNodeNames.Kazoo));

    [Fact]
    public void Nobody_is_told_first_when_nobody_stands()
    {
        Apply(List(0));
        Assert.Equal([null], Told());
    }

    [Fact]
    public void A_leader_is_told_once_it_was_read()
    {
        Apply(List(2, 0, 1));
        Assert.Empty(Told());
        Apply(Read(1), Read(0));
        Assert.Equal([Leader(0)], Told());
    }

    [Fact]
    public void Every_leader_is_told_in_order_however_late_they_are_read()
    {
        Apply(List(0), new Sighting.Created(Node(0)), new Sighting.Created(Node(1)), Read(1), Read(0), new Sighting.Deleted(Node(0)), new Sighting.Deleted(Node(1)));
        Assert.Equal([null, Leader(0), Leader(1), null], Told());
    }

    [Fact]
    public void One_that_stood_but_never_led_is_not_told()
    {
        Apply(List(3, 0, 1, 2), Read(0), Read(1), Read(2), new Sighting.Deleted(Node(1)), new Sighting.Deleted(Node(0)));
        Assert.Equal([Leader(0), Leader(2)], Told());
    }

    [Fact]
    public void A_leader_that_was_gone_before_it_could_be_read_is_lost_history()
    {
        Apply(List(0));
        Assert.Equal([null], Told());
        Apply(new Sighting.Created(Node(0)), new Sighting.Deleted(Node(0)));
        Assert.Empty(Told());
        Assert.True(_succession.IsHistoryLost);
    }

    [Fact]
    public void Before_the_first_word_an_unread_leader_is_left_out()
    {
        Apply(List(2, 0, 1), new Sighting.Deleted(Node(0)), Read(1));
        Assert.Equal([Leader(1)], Told());
        Assert.False(_succession.IsHistoryLost);
    }

    [Fact]
    public void A_new_value_of_the_leader_is_told_and_one_of_who_waits_is_not()
    {
        Apply(List(2, 0, 1), Read(0), Read(1));
        Assert.Equal([Leader(0)], Told());
        var moved = Leader(0) with { Value = "elsewhere" };
        Apply(new Sighting.Read(Node(1), Leader(1) with { Value = "too" }), new Sighting.Read(Node(0), moved), new Sighting.Read(Node(0), moved));
        Assert.Equal([moved], Told());
    }

    [Fact]
    public void A_list_within_the_watch_adds_nothing()
    {
        Apply(List(1, 0), Read(0), List(1, 0), Read(0));
        Assert.Equal([Leader(0)], Told());
    }

    // Before the gap: the numbers that stand, of so many ever made. After it the same.
    public static TheoryData<string, int[], int, int[], int, bool> Gaps => new()
    {
        { "the leader still stands", [0, 1], 2, [0, 2], 3, true },
        { "the one right behind leads", [0, 1], 2, [1], 2, true },
        { "the one right behind leads and more have come", [0, 1, 2], 3, [1, 5], 6, true },
        { "one between may have led", [0, 1, 2], 3, [2], 3, false },
        { "the only one is gone and nobody was made", [0], 1, [], 1, true },
        { "the only one is gone and somebody came and went", [0], 1, [], 2, false },
        { "the only one is gone and somebody has come, at once or later", [0], 1, [1], 2, false },
        { "nobody led and nobody was made", [], 3, [], 3, true },
        { "nobody led and somebody came and went", [], 3, [], 4, false },
        { "nobody led and the very next one does", [], 3, [3, 4], 5, true },
        { "nobody led and a later one does", [], 3, [4], 5, false },
    };

    [Theory]
    [MemberData(nameof(Gaps))]
    public void A_gap_is_bridged_only_when_one_history_fits(string what, int[] before, int madeBefore, int[] after, int madeAfter, bool isBridged)
    {
        Apply(List(madeBefore, before));
        Apply([.. before.Select(Read)]);
        var told = Told();
        _succession.Interrupt();
        Apply(List(madeAfter, after));
        Apply([.. after.Select(Read)]);
        told.AddRange(Told());
        Assert.True(_succession.IsHistoryLost != isBridged, what);
        if (isBridged)
            Assert.Equal(after.Length == 0 ? null : Leader(after[0]), told[^1]);
    }

    [Fact]
    public void Numbers_that_started_over_on_a_new_node_bridge_nothing()
    {
        Apply(List(3));
        _succession.Interrupt();
        Apply(new Sighting.Listed([Node(3)], 4, Incarnation: 2));
        Assert.True(_succession.IsHistoryLost);
    }

    [Fact]
    public void Against_a_model_that_knows_all_every_change_is_told()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var succession = new Succession(Naming.Of(ZooKeeperNodeNames.Kazoo));
            var standing = new SortedSet<int>();
            var expected = new List<Leader?> { null };
            var told = new List<Leader?>();
            var unread = new Queue<int>();
            succession.Apply(List(0));
            for (var (step, made) = (0, 0); step < 60; step++)
            {
                if (standing.Count == 0 || random.Next(2) == 0)
                {
                    succession.Apply(new Sighting.Created(Node(made)));
                    standing.Add(made);
                    unread.Enqueue(made++);
                }
                else
                {
                    // Read before it is gone, as the order of the wire has it for all but the fastest.
                    while (unread.TryDequeue(out var number))
                        succession.Apply(Read(number));
                    var gone = standing.ElementAt(random.Next(standing.Count));
                    standing.Remove(gone);
                    succession.Apply(new Sighting.Deleted(Node(gone)));
                }

                var leader = standing.Count == 0 ? null : Leader(standing.Min);
                if (expected[^1] != leader)
                    expected.Add(leader);
            }

            while (unread.TryDequeue(out var number))
                succession.Apply(Read(number));
            while (succession.TryTell(out var next))
                told.Add(next);
            Assert.False(succession.IsHistoryLost);
            Assert.Equal(expected, told);
        }
    }

    private void Apply(params Sighting[] sightings)
    {
        foreach (var sighting in sightings)
            _succession.Apply(sighting);
    }

    private List<Leader?> Told()
    {
        var told = new List<Leader?>();
        while (_succession.TryTell(out var leader))
            told.Add(leader);
        return told;
    }

    private static Sighting.Listed List(int made, params int[] standing) => new Sighting.Listed([.. standing.Select(Node), "no candidate"], made, Incarnation: 1);

    private static Sighting.Read Read(int number) => new Sighting.Read(Node(number), Leader(number));

    private static Leader Leader(int number) => new($"candidate-{number}", new FencingToken(100 + number));

    private static string Node(int number) => $"{number:x32}__lock__{number:d10}";
}

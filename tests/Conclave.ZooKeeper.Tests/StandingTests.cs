namespace Conclave.ZooKeeper.Tests;

public sealed class StandingTests
{
    private static readonly Naming Kazoo = Naming.Of(ZooKeeperNodeNames.Kazoo);
    private static readonly string[] Line = [Node('b', 4), Node('a', 7), Node('c', 12)];

    [Fact]
    public void The_smallest_number_leads_whatever_the_order_of_names() => Assert.IsType<Standing.First>(Standing.Of(Line[0], Line.Reverse(), Kazoo));

    [Fact]
    public void Everybody_else_waits_for_the_next_smaller_and_not_for_the_leader()
    {
        Assert.Equal(new Standing.Behind(Line[0]), Standing.Of(Line[1], Line, Kazoo));
        Assert.Equal(new Standing.Behind(Line[1]), Standing.Of(Line[2], Line.Reverse(), Kazoo));
    }

    [Fact]
    public void Who_is_not_in_the_list_was_removed_even_if_nobody_is_before() => Assert.IsType<Standing.Gone>(Standing.Of(Node('z', 1), Line, Kazoo));

    [Fact]
    public void Nodes_that_are_no_candidates_do_not_count() =>
        Assert.IsType<Standing.First>(Standing.Of(Line[0], [.. Line, "leader", "lock-0000000001", "x__lock__1", "x__lock__00000000001", "x__lock__000000000a"], Kazoo));

    [Fact]
    public void Kazoos_other_names_before_the_marker_count() =>
        Assert.Equal(new Standing.Behind("any__lock__0000000001"), Standing.Of(Line[0], [.. Line, "any__lock__0000000001"], Kazoo));

    [Fact]
    public void The_first_of_all_leads_and_of_none_nobody()
    {
        Assert.Equal(Line[0], Standing.FirstOf(Line.Reverse(), Kazoo)!.Value.Name);
        Assert.Null(Standing.FirstOf(["leader"], Kazoo));
    }

    [Fact]
    public void A_number_that_started_over_below_zero_is_read_as_such()
    {
        Assert.True(Kazoo.TryParse("x__lock__-2147483648", out var over));
        Assert.Equal(int.MinValue, over.Number);
        Assert.True(Kazoo.TryParse("x__lock__2147483647", out var last));
        Assert.True(over.CompareTo(last) < 0);
        Assert.False(Kazoo.TryParse("x__lock__9999999999", out _));
    }

    [Fact]
    public void In_a_random_line_one_leads_and_the_rest_form_a_chain()
    {
        var random = new Random(4);
        for (var round = 0; round < 200; round++)
        {
            var line = Enumerable.Range(0, random.Next(1, 20)).Select(_ => random.Next(0, 1000)).Distinct().Select(number => Node((char)('a' + random.Next(26)), number)).ToArray();
            var waited = line.Select(own => Standing.Of(own, line, Kazoo)).OfType<Standing.Behind>().Select(behind => behind.Predecessor).ToArray();
            Assert.Equal(line.Length - 1, waited.Distinct().Count());
            Assert.Equal(waited.Length, waited.Distinct().Count());
        }
    }

    private static string Node(char name, int number) => $"{new string(name, 32)}__lock__{number:d10}";
}

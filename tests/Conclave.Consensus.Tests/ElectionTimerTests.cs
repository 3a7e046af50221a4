namespace Conclave.Consensus.Tests;

public sealed class ElectionTimerTests
{
    [Fact]
    public void Limits_cover_n_to_2n_and_are_drawn_anew()
    {
        var timer = new ElectionTimer(10, 10, new Random(1));
        var seen = new SortedSet<int>();
        for (var i = 0; i < 2_000; i++)
        {
            timer.Reset();
            seen.Add(timer.Limit);
        }

        Assert.Equal(Enumerable.Range(10, 10), seen);
    }

    [Fact]
    public void It_fires_at_its_limit_and_not_before()
    {
        var timer = new ElectionTimer(10, 10, new Random(3));
        for (var tick = 1; tick < timer.Limit; tick++)
            Assert.False(timer.Tick());
        Assert.True(timer.Tick());
    }

    [Fact]
    public void Only_the_first_limit_is_drawn_from_the_shorter_range()
    {
        var first = new SortedSet<int>();
        for (var seed = 0; seed < 200; seed++)
        {
            var timer = new ElectionTimer(10, 3, new Random(seed));
            first.Add(timer.Limit);
            timer.Reset();
            Assert.InRange(timer.Limit, 10, 19);
        }

        Assert.Equal(Enumerable.Range(3, 3), first);
    }
}

using System.Text;
using Conclave.Cli.Demo;

namespace Conclave.Cli.Tests.Demo;

public sealed class LaneTallyTests
{
    [Fact]
    public void Bill_with_one_line_for_each_customer_is_exactly_once()
    {
        var tally = Of(3, "1,2,d/2,5,dialer-1", "2,1,d/1,5,dialer-1", "3,3,d/3,9,dialer-2");
        Assert.True(tally.IsExactlyOnce);
        Assert.Equal((3L, 3, 0, 0L, 9L), (tally.CallsBilled, tally.CustomersCalled, tally.CustomersCalledMoreThanOnce, tally.LateCalls, tally.HighestToken));
    }

    [Theory]
    [InlineData("a customer who was called twice", "1,1,d/1,5,x", "2,2,d/2,5,x", "3,2,d/2,7,y")]
    [InlineData("a customer who was not called", "1,1,d/1,5,x")]
    [InlineData("one called in place of another", "1,1,d/1,5,x", "2,1,d/1,5,x")]
    [InlineData("a stranger besides", "1,1,d/1,5,x", "2,2,d/2,5,x", "3,77,d/77,5,x")]
    [InlineData("a stranger in place of a customer", "1,1,d/1,5,x", "2,0,d/0,5,x")]
    public void Anything_else_is_not(string what, params string[] lines) => Assert.False(Of(2, lines).IsExactlyOnce, what);

    [Fact]
    public void Customer_called_five_times_counts_once_among_those_called_more_than_once()
    {
        var tally = Of(2, [.. Enumerable.Range(1, 5).Select(n => $"{n},1,d/1,0,x"), "6,2,d/2,0,x"]);
        Assert.Equal((6L, 2, 1), (tally.CallsBilled, tally.CustomersCalled, tally.CustomersCalledMoreThanOnce));
    }

    [Fact]
    public void Call_under_an_older_token_than_one_before_is_late()
    {
        var tally = Of(3, "1,1,d/1,5,x", "2,2,d/2,7,y", "3,3,d/3,5,x");
        Assert.Equal(1, tally.LateCalls);
        Assert.True(tally.IsExactlyOnce);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1,2,key,5")]
    [InlineData("one,2,key,5,x")]
    public void What_is_no_line_of_a_bill_is_refused(string line) => Assert.Throws<FormatException>(() => BillLine.Parse(line));

    [Fact]
    public void Tail_waits_for_the_rest_of_a_line()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("conclave-tail-").FullName, "bill.csv");
        var tally = new LaneTally(10);
        var tail = new BillTail(path, tally);
        tail.Look(); // there is no file yet
        foreach (var (part, billed) in (ReadOnlySpan<(string, long)>)[("1,1,d/1,5,x\n2,2,d", 1), ("/2,5,", 1), ("x\n", 2), ("3,3,d/3,5,x\n4,4,d/4,5,x\n", 4)])
        {
            File.AppendAllText(path, part, Encoding.ASCII);
            tail.Look();
            Assert.Equal(billed, tally.CallsBilled);
        }

        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    internal static LaneTally Of(int customers, params string[] lines)
    {
        var tally = new LaneTally(customers);
        foreach (var line in lines)
            tally.Add(BillLine.Parse(line));
        return tally;
    }
}

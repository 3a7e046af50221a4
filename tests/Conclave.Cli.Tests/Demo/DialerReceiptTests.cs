using System.Text.Json;
using Conclave.Cli.Demo;
using Conclave.Orchestration;
using Spectre.Console;

namespace Conclave.Cli.Tests.Demo;

public sealed class DialerReceiptTests
{
    private static readonly DialerDemoOptions Options = new() { Customers = 2 };
    private static readonly string[] Once = ["1,1,d/1,5,dialer-1", "2,2,d/2,9,dialer-2"];
    private static readonly string[] Twice = [.. Once, "3,2,d/2,5,dialer-1"];

    [Fact]
    public void Passes_when_the_lane_with_election_called_each_customer_once()
    {
        var receipt = Of(Options, Twice, Once);
        Assert.True(receipt.Passed);
        Assert.Contains("exactly once, through 1 faults", receipt.Verdict, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(MissingDefence.None, "customers were called more than once")]
    [InlineData(MissingDefence.Token, "did not look at the token")]
    [InlineData(MissingDefence.Key, "knew no keys")]
    internal void Fails_when_it_called_one_twice_and_says_what_was_missing(MissingDefence without, string says)
    {
        var receipt = Of(Options with { Without = without }, Once, Twice);
        Assert.False(receipt.Passed);
        Assert.StartsWith("not exactly once: 1 customers were called more than once", receipt.Verdict, StringComparison.Ordinal);
        Assert.Contains(says, receipt.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void Fails_when_it_called_one_not_at_all()
    {
        var receipt = Of(Options, Once, Once[..1]);
        Assert.False(receipt.Passed);
        Assert.Equal(1, receipt.WithElection.CustomersNotCalled);
        Assert.Contains("1 customers were not called", receipt.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void Json_has_a_version_and_the_names_of_the_other_commands()
    {
        using var json = JsonDocument.Parse(Of(Options, Twice, Once).Json());
        var root = json.RootElement;
        Assert.Equal(1, root.GetProperty("v").GetInt32());
        Assert.Equal(1, root.GetProperty("without_election").GetProperty("customers_called_more_than_once").GetInt32());
        Assert.Equal(4, root.GetProperty("with_election").GetProperty("refused_for_stale_token").GetInt64());
        var fault = Assert.Single(root.GetProperty("faults").EnumerateArray().ToArray());
        Assert.Equal(9, fault.GetProperty("after").GetProperty("token").GetInt64());
        Assert.False(root.TryGetProperty("directory", out _));
    }

    [Fact]
    public void Text_says_who_led_before_and_after_and_ends_with_the_verdict()
    {
        var text = ReceiptText.Of(Of(Options, Twice, Once));
        Assert.Contains("dialer-1 (token 5)  dialer-2 (token 9)  3.1 s", text, StringComparison.Ordinal);
        Assert.EndsWith("Passed: with the election each of 2 customers was called exactly once, through 1 faults of the leader. 20.0 s in all.\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Picture_shows_both_lanes_side_by_side()
    {
        var one = LaneView.Of("without election", 10, LaneTallyTests.Of(2, Twice));
        var other = LaneView.Of("with election", 2, LaneTallyTests.Of(2, Once[..1])) with { Leader = "dialer-4", Token = 77, Refused = 6, Last = "dialer-1 is paused" };
        using var written = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(written) });
        console.Profile.Width = 120;
        console.Write(LanePicture.Render(one, other, ["it begins"]));

        var lines = written.ToString().Split('\n');
        Assert.Contains(lines, line => line.Contains("30 %", StringComparison.Ordinal) && line.Contains("50 %", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("leader", StringComparison.Ordinal) && line.Contains("dialer-4", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("last fault", StringComparison.Ordinal) && line.Contains("dialer-1 is paused", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Trim() == "it begins");
    }

    [Theory]
    [InlineData(399)]
    [InlineData(0)]
    [InlineData(1_000_001)]
    public void Number_of_customers_without_room_for_the_story_is_refused(int customers) =>
        Assert.Throws<ConclaveException>(() => (Options with { Customers = customers }).Validate());

    [Theory]
    [InlineData(400)]
    [InlineData(500)]
    [InlineData(10_000)]
    [InlineData(1_000_000)]
    public void Paused_leader_is_woken_while_there_are_customers_left_and_its_keys_are_forgotten(int customers)
    {
        var options = Options with { Customers = customers };
        options.Validate();
        Assert.True(options.CallsBeforeWaking >= options.RememberedKeys + options.Lines);
        Assert.True(options.FaultAt(2) + options.CallsBeforeWaking < customers);
        Assert.True(options.RememberedKeys >= 4 * options.Lines);
    }

    private static DialerReceipt Of(DialerDemoOptions options, string[] without, string[] with) => DialerReceipt.Of(
        options,
        Lane(without, TelephonyStatistics.None),
        Lane(with, new TelephonyStatistics(with.Length, 4, 3, 0, 0)),
        [new FaultReceipt("killed (SIGKILL)", 1, new DemoLeader("dialer-1", 5), new DemoLeader("dialer-2", 9), 3.1)],
        TimeSpan.FromSeconds(20));

    private static LaneReceipt Lane(string[] lines, TelephonyStatistics statistics) => LaneReceipt.Of(LaneTallyTests.Of(Options.Customers, lines), 5, statistics, TimeSpan.FromSeconds(10));
}

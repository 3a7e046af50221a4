using Conclave.Cli.Lead;

namespace Conclave.Cli.Tests.Lead;

public sealed class GuardRulesTests
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(2);
    private readonly GuardRules _rules = new(Grace, At(10));

    [Fact]
    public void The_program_works_until_grace_and_kill_still_fit_before_the_deadline()
    {
        Assert.Equal(GuardAction.Leave, _rules.Look(At(7.79)));
        Assert.Equal(GuardAction.Ask, _rules.Look(At(7.8)));
        Assert.Equal(GuardAction.Leave, _rules.Look(At(9.79)));
        Assert.Equal(GuardAction.Kill, _rules.Look(At(9.8)));
    }

    [Fact]
    public void A_renewal_moves_all_of_it()
    {
        _rules.Renewed(At(20));
        Assert.Equal(GuardAction.Leave, _rules.Look(At(17.79)));
        Assert.Equal(GuardAction.Ask, _rules.Look(At(17.8)));
    }

    [Fact]
    public void An_older_deadline_takes_nothing_back()
    {
        _rules.Renewed(At(20));
        _rules.Renewed(At(15));
        Assert.Equal(At(20), _rules.Deadline);
    }

    [Fact]
    public void A_request_to_stop_asks_at_once_and_kills_after_the_grace()
    {
        Assert.Equal(GuardAction.Ask, _rules.Stop(At(1)));
        Assert.Equal(GuardAction.Leave, _rules.Stop(At(2)));
        Assert.Equal(GuardAction.Leave, _rules.Look(At(2.99)));
        Assert.Equal(GuardAction.Kill, _rules.Look(At(3)));
    }

    [Fact]
    public void A_stop_shortly_before_the_deadline_gets_what_is_left_of_the_grace_and_no_renewal_more()
    {
        Assert.Equal(GuardAction.Ask, _rules.Stop(At(9)));
        _rules.Renewed(At(30));
        Assert.Equal(GuardAction.Kill, _rules.Look(At(9.8)));
    }

    [Theory]
    [InlineData(9.8)]
    [InlineData(500)]
    public void A_guard_that_itself_was_stopped_past_the_time_to_kill_kills_without_asking(double now) =>
        Assert.Equal(GuardAction.Kill, _rules.Look(At(now)));

    [Fact]
    public void Every_line_between_elector_and_guard_is_read_as_it_was_written()
    {
        foreach (var line in new GuardLine[] { new GuardLine.Until(At(3)), new GuardLine.Stop(), new GuardLine.Heard(At(4)), new GuardLine.Started(17), new GuardLine.Failed(127, "no such program: x"), new GuardLine.Ended(3) })
            Assert.Equal(line, GuardLine.Parse(line.Text()));
        Assert.Throws<FormatException>(() => GuardLine.Parse("untill 3"));
    }

    private static Instant At(double seconds) => new(TimeSpan.FromSeconds(seconds));
}

using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;
using Conclave.Orchestration.Supervision;

namespace Conclave.Orchestration.Tests.Supervision;

public sealed class RestartPolicyTests
{
    private static readonly RunEnd Crash = new RunEnd.Exited(new ProcessExit.Code(1));
    private static readonly RunEnd Success = new RunEnd.Exited(new ProcessExit.Code(0));

    [Fact]
    public void First_restart_has_no_delay_and_the_next_ones_grow_up_to_the_cap()
    {
        var backoff = new Backoff(new BackoffOptions { Jitter = 0 }, new Random(1));
        var delays = Enumerable.Range(0, 12).Select(_ => backoff.Next().TotalMilliseconds);
        Assert.Equal([0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 10_000], delays);
    }

    [Fact]
    public void Delay_stays_at_the_cap_after_a_million_attempts() =>
        Assert.Equal(TimeSpan.FromSeconds(10), new Backoff(new BackoffOptions { Jitter = 0 }, new Random(1), attempts: 1_000_000).Next());

    [Fact]
    public void Jitter_only_shortens_and_by_no_more_than_its_share()
    {
        var delays = Enumerable.Range(0, 1000).Select(seed => new Backoff(new BackoffOptions(), new Random(seed), attempts: 3).Next().TotalMilliseconds).ToList();
        Assert.All(delays, delay => Assert.InRange(delay, 300, 400));
        Assert.True(delays.Max() - delays.Min() > 90);
    }

    [Fact]
    public void Same_seed_gives_the_same_delays()
    {
        static IEnumerable<TimeSpan> Delays()
        {
            var backoff = new Backoff(new BackoffOptions(), new Random(7));
            return Enumerable.Range(0, 10).Select(_ => backoff.Next()).ToList();
        }

        Assert.Equal(Delays(), Delays());
    }

    [Theory]
    [InlineData(0, 2, 10, 0.1)]
    [InlineData(100, 0.5, 10_000, 0.1)]
    [InlineData(100, 2, 10, 0.1)]
    [InlineData(100, 2, 10_000, 1.1)]
    public void Impossible_options_are_refused(int initial, double factor, int cap, double jitter)
    {
        var options = new BackoffOptions { Initial = TimeSpan.FromMilliseconds(initial), Factor = factor, Cap = TimeSpan.FromMilliseconds(cap), Jitter = jitter };
        Assert.Throws<ConclaveException>(() => new Backoff(options, new Random(1)));
    }

    [Fact]
    public void Mode_decides_after_which_end_it_is_started_again()
    {
        Assert.IsType<RestartDecision.Restart>(Policy(RestartMode.Always).Decide(Success, TimeSpan.Zero));
        Assert.IsType<RestartDecision.Restart>(Policy(RestartMode.Always).Decide(Crash, TimeSpan.Zero));
        Assert.IsType<RestartDecision.GiveUp>(Policy(RestartMode.OnFailure).Decide(Success, TimeSpan.Zero));
        Assert.IsType<RestartDecision.Restart>(Policy(RestartMode.OnFailure).Decide(Crash, TimeSpan.Zero));
        foreach (var end in AllEnds())
            Assert.IsType<RestartDecision.GiveUp>(Policy(RestartMode.Never).Decide(end, TimeSpan.Zero));
    }

    [Fact]
    public void Every_end_but_code_0_is_a_failure()
    {
        foreach (var end in AllEnds().Where(end => end != Success))
            Assert.Equal(new RestartDecision.Restart(TimeSpan.Zero), Policy(RestartMode.OnFailure).Decide(end, TimeSpan.Zero));
    }

    [Fact]
    public void Failures_in_a_row_become_a_crash_loop_that_goes_on_trying()
    {
        var policy = Policy(RestartMode.Always);
        var decisions = Enumerable.Range(0, 7).Select(_ => policy.Decide(Crash, TimeSpan.FromSeconds(1))).ToList();
        Assert.All(decisions.Take(4), each => Assert.IsType<RestartDecision.Restart>(each));
        Assert.Equal([5, 6, 7], decisions.Skip(4).Select(each => Assert.IsType<RestartDecision.CrashLoop>(each).Failures));
        Assert.True(policy.InCrashLoop);
    }

    [Fact]
    public void Crash_loop_is_left_after_a_healthy_period_and_not_before()
    {
        var policy = Policy(RestartMode.Always);
        for (var i = 0; i < 6; i++)
            policy.Decide(Crash, TimeSpan.Zero);

        Assert.False(policy.Healthy(TimeSpan.FromSeconds(9.9)));
        Assert.True(policy.InCrashLoop);
        Assert.True(policy.Healthy(TimeSpan.FromSeconds(10)));
        Assert.False(policy.InCrashLoop);
        Assert.False(policy.Healthy(TimeSpan.FromSeconds(11)));
        Assert.Equal(new RestartDecision.Restart(TimeSpan.Zero), policy.Decide(Crash, TimeSpan.FromSeconds(12)));
    }

    [Fact]
    public void Rare_crashes_of_a_healthy_instance_are_no_loop()
    {
        var policy = Policy(RestartMode.Always);
        for (var i = 0; i < 50; i++)
            Assert.Equal(new RestartDecision.Restart(TimeSpan.Zero), policy.Decide(Crash, TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public void Successor_goes_on_where_its_predecessor_was()
    {
        var policy = new RestartPolicy(new RestartOptions(), new Random(1), failures: 5);
        Assert.True(policy.InCrashLoop);
        Assert.Equal(6, Assert.IsType<RestartDecision.CrashLoop>(policy.Decide(Crash, TimeSpan.Zero)).Failures);
    }

    private static RestartPolicy Policy(RestartMode mode) => new(new RestartOptions { Mode = mode }, new Random(1));

    private static IEnumerable<RunEnd> AllEnds() =>
    [
        Success, Crash, new RunEnd.Exited(new ProcessExit.Signal(9)), new RunEnd.Exited(new ProcessExit.Unknown()),
        new RunEnd.ProbeFailed("no answer"), new RunEnd.NotStarted("command not found"),
    ];
}

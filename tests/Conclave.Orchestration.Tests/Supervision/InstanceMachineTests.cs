using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;
using Conclave.Orchestration.Supervision;
using Conclave.Orchestration.Tests.Cluster;

namespace Conclave.Orchestration.Tests.Supervision;

public sealed class InstanceMachineTests
{
    private static readonly ProbeResult Yes = new ProbeResult.Succeeded(TimeSpan.Zero);
    private static readonly ProbeResult No = new ProbeResult.Failed("connection refused");
    private static readonly Assignment First = new("node-1", 1, Views.Web);
    private readonly InstanceMachine _machine = new(First, new Random(1), new InstanceMachineOptions(), TimeSpan.Zero);
    private TimeSpan _now;

    [Fact]
    public void It_is_started_probed_often_and_ready_with_the_first_success()
    {
        Start();
        Assert.Equal(RunState.Starting, _machine.State);
        Assert.Contains(Advance(), a => a is InstanceAction.Probe { Role: ProbeRole.Ready });
        _machine.Probed(ProbeRole.Ready, No, _now);
        Assert.Equal(_now + ProbeState.StartUpInterval, _machine.Due);
        Pass(20);
        _machine.Probed(ProbeRole.Ready, Yes, _now);
        Assert.Equal(RunState.Ready, _machine.State);
    }

    [Fact]
    public void The_first_failure_is_repaired_without_delay()
    {
        StartReady();
        _machine.Exited(new ProcessExit.Signal(9), _now);
        Assert.Equal(RunState.BackOff, _machine.State);
        Assert.IsType<InstanceAction.Spawn>(Assert.Single(Advance()));
        Assert.Equal(1, _machine.Restarts);
    }

    [Fact]
    public void An_ending_one_serves_nobody_and_is_replaced_when_it_has_ended()
    {
        StartReady();
        _machine.Ending();
        Assert.Equal(RunState.Unready, _machine.State);
        Pass(20_000);
        Assert.Empty(Advance());
        Assert.Equal("it is ending", _machine.Why);

        // New probes do not make one ready that ends.
        _machine.Want(First with { Spec = First.Spec with { Ready = null, Live = null } }, _now);
        Assert.Equal(RunState.Unready, _machine.State);
        _machine.Exited(new ProcessExit.Signal(9), _now);
        Assert.IsType<InstanceAction.Spawn>(Assert.Single(Advance()));
    }

    [Fact]
    public void One_that_ends_because_it_was_asked_to_is_stopping_all_the_while_and_says_why()
    {
        StartReady();
        Pass(20_000);
        _machine.Want(null, _now);
        _machine.Ending();
        Pass(200);
        Assert.IsType<InstanceAction.Ask>(Assert.Single(Last));
        Assert.Equal((RunState.Stopping, "it is not wanted any more"), (_machine.State, _machine.Why));
    }

    [Fact]
    public void Failing_again_and_again_is_a_crash_loop_with_growing_delays()
    {
        var delays = new List<TimeSpan>();
        for (var i = 0; i < 6; i++)
        {
            Start();
            _machine.Exited(new ProcessExit.Code(1), _now);
            delays.Add(_machine.Due!.Value - _now);
            _now = _machine.Due.Value;
        }

        Assert.Equal(RunState.CrashLoop, _machine.State);
        Assert.Equal(TimeSpan.Zero, delays[0]);
        Assert.True(delays[^1] > delays[2] && delays[2] > TimeSpan.Zero);
    }

    [Fact]
    public void A_crash_loop_is_left_after_a_healthy_period()
    {
        Failing_again_and_again_is_a_crash_loop_with_growing_delays();
        StartReady();
        Assert.NotNull(_machine.Why);
        Pass(10_001);
        Assert.Null(_machine.Why);
        _machine.Exited(new ProcessExit.Code(1), _now);
        Assert.Equal((RunState.BackOff, _now), (_machine.State, _machine.Due));
    }

    [Fact]
    public void A_hung_instance_is_killed_after_its_live_probe_failed_often_enough()
    {
        StartReady();
        for (var i = 0; i < 4; i++)
        {
            Pass(2_000);
            _machine.Probed(ProbeRole.Live, i == 0 ? Yes : No, _now);
        }

        Assert.Contains(Advance(), a => a is InstanceAction.Kill);
        _machine.Exited(new ProcessExit.Signal(9), _now);
        Assert.Contains("live probes", _machine.Why, StringComparison.Ordinal);
        Assert.IsType<InstanceAction.Spawn>(Assert.Single(Advance()));
    }

    [Fact]
    public void What_is_not_wanted_drains_is_asked_then_killed_then_forgotten()
    {
        StartReady();
        _machine.Want(null, _now);
        Assert.Equal(RunState.Stopping, _machine.State);
        Assert.Empty(Advance());
        Pass(200);
        Assert.Equal(new InstanceAction.Ask(Signal.Term), Assert.Single(Last));
        Pass(20_000);
        Assert.IsType<InstanceAction.Kill>(Assert.Single(Last));
        _machine.Exited(new ProcessExit.Signal(9), _now);
        Assert.IsType<InstanceAction.Forget>(Assert.Single(Advance()));
    }

    [Fact]
    public void A_new_generation_replaces_the_process_and_is_no_failure()
    {
        StartReady();
        var second = First with { Generation = 2 };
        _machine.Want(second, _now);
        Pass(200);
        _machine.Exited(new ProcessExit.Code(0), _now);
        Assert.Equal(second, Assert.IsType<InstanceAction.Spawn>(Assert.Single(Advance())).Assignment);
        Assert.Equal(0, _machine.Restarts);
    }

    [Fact]
    public void An_adopted_instance_that_served_goes_on_serving()
    {
        _machine.Adopted(First, wasReady: true, hasServed: true, _now);
        Assert.Equal(RunState.Ready, _machine.State);
        Assert.DoesNotContain(Advance(), a => a is InstanceAction.Spawn);
    }

    /// <summary>It had hung for a moment when its worker died: its start is long over, so the successor counts on instead of waiting for a first success.</summary>
    [Fact]
    public void An_adopted_instance_that_hangs_is_ended()
    {
        _machine.Adopted(First, wasReady: false, hasServed: true, _now);
        for (var failure = 0; failure < First.Spec.Live!.Failures; failure++)
            _machine.Probed(ProbeRole.Live, No, _now);
        Assert.Contains(Advance(), action => action is InstanceAction.Kill);
    }

    [Fact]
    public void An_adopted_instance_that_has_never_served_may_take_its_time()
    {
        _machine.Adopted(First, wasReady: false, hasServed: false, _now);
        for (var failure = 0; failure < 10 * First.Spec.Live!.Failures; failure++)
            _machine.Probed(ProbeRole.Live, No, _now);
        Assert.DoesNotContain(Advance(), action => action is InstanceAction.Kill);
    }

    [Fact]
    public void An_instance_that_hangs_before_its_first_live_probe_is_ended()
    {
        StartReady();
        for (var failure = 0; failure < First.Spec.Live!.Failures; failure++)
            _machine.Probed(ProbeRole.Live, No, _now);
        Assert.Contains(Advance(), action => action is InstanceAction.Kill);
    }

    [Fact]
    public void An_instance_that_has_only_a_live_probe_may_take_its_time_to_start()
    {
        var slow = First with { Spec = First.Spec with { Ready = null } };
        _machine.Want(slow, _now);
        Advance();
        _machine.Spawned(slow, _now);
        for (var failure = 0; failure < 10 * First.Spec.Live!.Failures; failure++)
            _machine.Probed(ProbeRole.Live, No, _now);
        Assert.DoesNotContain(Advance(), action => action is InstanceAction.Kill);
    }

    [Fact]
    public void An_instance_whose_start_takes_longer_than_its_start_probe_allows_is_started_again()
    {
        var slow = First with { Spec = First.Spec with { Start = First.Spec.Ready! with { Interval = TimeSpan.FromSeconds(1), Failures = 60 } } };
        _machine.Want(slow, _now);
        Advance();
        _machine.Spawned(slow, _now);

        Pass(59_999);
        _machine.Probed(ProbeRole.Start, No, _now);
        Assert.DoesNotContain(Advance(), action => action is InstanceAction.Kill);

        Pass(1);
        _machine.Probed(ProbeRole.Start, No, _now);
        Assert.Equal("its start probe did not succeed within 60 s: connection refused", _machine.Why);
        Assert.Contains(Advance(), action => action is InstanceAction.Kill);

        _machine.Exited(new ProcessExit.Signal(9), _now);
        Assert.Equal(1, _machine.Restarts);
        Assert.StartsWith("its start probe", _machine.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void An_instance_that_hangs_while_its_probes_change_is_ended()
    {
        StartReady();
        for (var failure = 0; failure < First.Spec.Ready!.Failures; failure++)
            _machine.Probed(ProbeRole.Ready, No, _now);
        Assert.Equal(RunState.Unready, _machine.State);

        _machine.Want(First with { Spec = First.Spec with { Live = First.Spec.Live! with { Path = "/alive" } } }, _now);
        for (var failure = 0; failure < First.Spec.Live!.Failures; failure++)
            _machine.Probed(ProbeRole.Live, No, _now);
        Assert.Contains(Advance(), action => action is InstanceAction.Kill);
    }

    [Fact]
    public void Probes_that_change_do_not_save_an_instance_that_is_being_ended()
    {
        StartReady();
        for (var failure = 0; failure < First.Spec.Live!.Failures; failure++)
            _machine.Probed(ProbeRole.Live, No, _now);

        _machine.Want(First with { Spec = First.Spec with { Ready = null, Live = null } }, _now);
        Assert.Equal(RunState.Unready, _machine.State);
        Assert.Contains(Advance(), action => action is InstanceAction.Kill);
    }

    [Fact]
    public void An_instance_whose_probes_change_while_it_starts_is_ready_by_the_new_ones()
    {
        Start();
        _machine.Want(First with { Spec = First.Spec with { Ready = null, Start = First.Spec.Ready! with { Path = "/started" } } }, _now);
        Assert.Equal(RunState.Starting, _machine.State);

        Assert.Equal(ProbeRole.Start, Assert.Single(Advance().OfType<InstanceAction.Probe>()).Role);
        _machine.Probed(ProbeRole.Start, Yes, _now);
        Assert.Equal(RunState.Ready, _machine.State);
    }

    [Fact]
    public void A_command_that_cannot_be_started_says_why_and_is_tried_again_later()
    {
        Advance();
        _machine.SpawnFailed("command not found: 'web'", _now);
        Assert.Equal((RunState.Failed, "command not found: 'web'"), (_machine.State, _machine.Why));
        Assert.NotNull(_machine.Due);
    }

    [Fact]
    public void Restart_never_leaves_it_ended()
    {
        var machine = new InstanceMachine(First with { Spec = Views.Web with { Restart = RestartMode.Never } }, new Random(1), new InstanceMachineOptions(), _now);
        machine.Advance(_now);
        machine.Spawned(First with { Spec = Views.Web with { Restart = RestartMode.Never } }, _now);
        machine.Exited(new ProcessExit.Code(0), _now);
        Assert.Equal(RunState.Stopped, machine.State);
        Assert.Null(machine.Due);
    }

    [Fact]
    public void An_answer_of_a_probe_that_outlived_its_process_is_ignored()
    {
        StartReady();
        _machine.Exited(new ProcessExit.Code(1), _now);
        _machine.Probed(ProbeRole.Ready, Yes, _now);
        Assert.Equal(RunState.BackOff, _machine.State);
    }

    private IReadOnlyList<InstanceAction> Last { get; set; } = [];

    private void Start()
    {
        var spawn = Assert.IsType<InstanceAction.Spawn>(Assert.Single(Advance()));
        _machine.Spawned(spawn.Assignment, _now);
    }

    private void StartReady()
    {
        Start();
        Advance();
        _machine.Probed(ProbeRole.Ready, Yes, _now);
        Assert.Equal(RunState.Ready, _machine.State);
    }

    private void Pass(int milliseconds)
    {
        _now += TimeSpan.FromMilliseconds(milliseconds);
        Advance();
    }

    private IReadOnlyList<InstanceAction> Advance() => Last = _machine.Advance(_now);
}

using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Leader;
using Conclave.Orchestration.Tests.Cluster;

namespace Conclave.Orchestration.Tests.Leader;

public sealed class NodeWatchTests
{
    /// <summary>Long after the nodes of the view started.</summary>
    private static readonly DateTimeOffset Clock = DateTimeOffset.UnixEpoch.AddHours(1);
    private readonly NodeWatch _watch = new(new NodeWatchOptions());
    private ClusterView _view = Views.Cluster(3);
    private TimeSpan _now;

    [Fact]
    public void A_node_that_is_silent_for_two_intervals_has_failed()
    {
        Pass(900);
        Assert.Equal(NodeCondition.Alive, _watch.Judge("node-2").Condition);
        Pass(200);
        Assert.Equal(NodeCondition.Failed, _watch.Judge("node-2").Condition);
    }

    [Fact]
    public void An_answer_starts_the_count_anew()
    {
        Pass(900);
        _watch.Answered("node-2", Views.Process(1_002));
        Pass(900);
        Assert.Equal(NodeCondition.Alive, _watch.Judge("node-2").Condition);
        Assert.Equal(NodeCondition.Failed, _watch.Judge("node-3").Condition);
    }

    [Fact]
    public void A_node_that_just_started_may_answer_once_and_then_stall_for_as_long_as_its_grace()
    {
        _view = _view with { Nodes = _view.Nodes.SetItem("node-2", Views.Node(2, pid: 2_002) with { Since = Clock.AddSeconds(-1) }) };
        Pass(500);
        _watch.Answered("node-2", Views.Process(2_002));
        Pass(3_400); // 4.9 s after its start, silent for 3.4 s
        Assert.Equal(NodeCondition.Alive, _watch.Judge("node-2").Condition);
        Assert.Equal(NodeCondition.Failed, _watch.Judge("node-3").Condition);
        Pass(200);
        Assert.Equal(NodeCondition.Failed, _watch.Judge("node-2").Condition);
    }

    [Fact]
    public void A_node_that_answers_when_its_grace_ends_is_judged_like_any_other_from_then_on()
    {
        _view = _view with { Nodes = _view.Nodes.SetItem("node-2", Views.Node(2, pid: 2_002) with { Since = Clock }) };
        Pass(4_900);
        _watch.Answered("node-2", Views.Process(2_002));
        Pass(900);
        Assert.Equal(NodeCondition.Alive, _watch.Judge("node-2").Condition);
        Pass(200);
        Assert.Equal(NodeCondition.Failed, _watch.Judge("node-2").Condition);
    }

    [Fact]
    public void The_end_of_a_node_that_just_started_is_a_failure_at_once()
    {
        _view = _view with { Nodes = _view.Nodes.SetItem("node-2", Views.Node(2, pid: 2_002) with { Since = Clock }) };
        Pass(100);
        _watch.Exited("node-2", Views.Process(2_002));
        Assert.Equal(NodeCondition.Failed, _watch.Judge("node-2").Condition);
    }

    [Fact]
    public void A_clock_that_was_set_back_gives_no_more_than_the_grace()
    {
        _view = _view with { Nodes = _view.Nodes.SetItem("node-2", Views.Node(2, pid: 2_002) with { Since = Clock.AddHours(1) }) };
        Pass(4_900);
        Assert.Equal(NodeCondition.Alive, _watch.Judge("node-2").Condition);
        Pass(200);
        Assert.Equal(NodeCondition.Failed, _watch.Judge("node-2").Condition);
    }

    [Fact]
    public void A_leader_whose_own_supervision_loop_is_stuck_has_a_sibling_replace_its_node()
    {
        _view = _view with { Leader = new LeaderRecord("node-1", 4, Clock) };
        for (var passed = 0; passed < 1_200; passed += 100)
        {
            Pass(100);
            _watch.Answered("node-2", Views.Process(1_002));
            _watch.Answered("node-3", Views.Process(1_003));
        }

        var health = _view.Settings!.Nodes.ToDictionary(n => n, _watch.Judge);
        var order = Assert.IsType<LeaderAction.Order>(Assert.Single(Reconciler.Plan(_view, health, new ReconcilerOptions()))).NodeOrder;
        Assert.Equal(("node-1", "node-2", Views.Process(1_001)), (order.Node, order.Executor, order.Incarnation!.Value));
    }

    [Fact]
    public void An_exit_is_a_failure_at_once()
    {
        Pass(10);
        _watch.Exited("node-2", Views.Process(1_002));
        Assert.Equal(NodeCondition.Failed, _watch.Judge("node-2").Condition);
    }

    [Fact]
    public void What_is_known_of_a_dead_process_says_nothing_of_its_successor()
    {
        Pass(10);
        _watch.Exited("node-2", Views.Process(1_002));
        _view = _view with { Nodes = _view.Nodes.SetItem("node-2", Views.Node(2, pid: 2_002)) };
        Pass(10);
        _watch.Exited("node-2", Views.Process(1_002)); // a late notice
        Assert.Equal(NodeCondition.Alive, _watch.Judge("node-2").Condition);
    }

    [Fact]
    public void A_leader_that_was_paused_does_not_hold_its_own_silence_against_others()
    {
        Pass(100);
        _now += TimeSpan.FromMinutes(5);
        _watch.Advance(_view, _now, Clock);
        Assert.Equal(NodeCondition.Alive, _watch.Judge("node-2").Condition);
    }

    [Fact]
    public void A_node_that_never_reported_gets_its_grace_then_fails()
    {
        _view = _view with { Nodes = _view.Nodes.Remove("node-3") };
        Pass(4_000);
        Assert.Equal(NodeCondition.Unknown, _watch.Judge("node-3").Condition);
        Pass(1_500);
        Assert.Equal(NodeCondition.Failed, _watch.Judge("node-3").Condition);
    }

    [Fact]
    public void A_node_that_stays_away_is_lost()
    {
        Pass(1_100);
        Assert.Equal(NodeCondition.Failed, _watch.Judge("node-2").Condition);
        Pass(16_000);
        Assert.Equal(NodeCondition.Lost, _watch.Judge("node-2").Condition);
    }

    /// <summary>In steps as the leader's loop takes them.</summary>
    private void Pass(int milliseconds)
    {
        _watch.Advance(_view, _now, Clock);
        for (var passed = 0; passed < milliseconds; passed += 100)
        {
            _now += TimeSpan.FromMilliseconds(100);
            _watch.Advance(_view, _now, Clock);
        }
    }
}

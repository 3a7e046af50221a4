using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Leader;
using Conclave.Orchestration.Tests.Cluster;

namespace Conclave.Orchestration.Tests.Leader;

public sealed class NodeWatchTests
{
    /// <summary>Long after the nodes of the view started.</summary>
    private static readonly DateTimeOffset Clock = DateTimeOffset.UnixEpoch.AddHours(1);
    private readonly NodeWatch _watch = new("node-1", new NodeWatchOptions());
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
    public void A_node_that_just_started_may_take_longer_for_its_first_answer_only()
    {
        _view = _view with { Nodes = _view.Nodes.SetItem("node-2", Views.Node(2, pid: 2_002) with { Since = Clock.AddSeconds(-1) }) };
        Pass(2_000);
        Assert.Equal(NodeCondition.Alive, _watch.Judge("node-2").Condition);
        _watch.Answered("node-2", Views.Process(2_002));
        Pass(1_100);
        Assert.Equal(NodeCondition.Failed, _watch.Judge("node-2").Condition);
    }

    [Fact]
    public void A_leader_does_not_judge_its_own_node()
    {
        Pass(5_000);
        Assert.Equal(NodeCondition.Alive, _watch.Judge("node-1").Condition);
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

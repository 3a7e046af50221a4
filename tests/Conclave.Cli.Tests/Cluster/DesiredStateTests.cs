using Conclave.Cli.Cluster;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Tests.Cluster;

/// <summary>File against store: who wins, and what is replaced.</summary>
public sealed class DesiredStateTests
{
    private static readonly ServiceSpec Web = new() { Name = "web", Command = ["web"], Directory = "/", Replicas = 3 };

    [Fact]
    public void Service_that_is_new_is_taken_from_the_file()
    {
        var state = DesiredState.Settle(null, Web)!;

        Assert.Equal((3, 3, 1), (state.Replicas, state.FileReplicas, state.Generation));
        Assert.Equal(Web, state.Spec);
        Assert.False(state.Stopped);
    }

    [Fact]
    public void Unchanged_file_changes_nothing_so_that_scale_and_stop_last()
    {
        var was = DesiredState.Settle(null, Web)! with { Replicas = 5, Stopped = true, StoppedInstances = [2] };

        Assert.Null(DesiredState.Settle(was, Web));
    }

    [Fact]
    public void Changed_count_in_the_file_wins_over_scale_and_replaces_nothing()
    {
        var was = DesiredState.Settle(null, Web)! with { Replicas = 5, Generation = 7 };

        var state = DesiredState.Settle(was, Web with { Replicas = 4 })!;

        Assert.Equal((4, 4, 7), (state.Replicas, state.FileReplicas, state.Generation));
    }

    [Fact]
    public void Changed_command_or_environment_is_a_new_generation_and_leaves_the_scaled_count()
    {
        var was = DesiredState.Settle(null, Web)! with { Replicas = 5 };

        var command = DesiredState.Settle(was, Web with { Command = ["web", "--new"] })!;
        Assert.Equal((5, 3, 2), (command.Replicas, command.FileReplicas, command.Generation));
        var environment = DesiredState.Settle(command, command.Spec with { Environment = Web.Environment.Add("LOG", "debug") })!;
        Assert.Equal(3, environment.Generation);
    }

    [Fact]
    public void Changed_probe_is_taken_over_without_a_new_generation()
    {
        var was = DesiredState.Settle(null, Web)!;

        var state = DesiredState.Settle(was, Web with { Ready = new ProbeSpec { Kind = ProbeKind.Tcp } })!;

        Assert.Equal(1, state.Generation);
        Assert.NotNull(state.Spec.Ready);
    }

    [Fact]
    public void What_a_person_stopped_stays_stopped_when_the_file_changes()
    {
        var was = DesiredState.Settle(null, Web)! with { Stopped = true, StoppedInstances = [2] };

        var state = DesiredState.Settle(was, Web with { Command = ["web", "--new"] })!;

        Assert.True(state.Stopped);
        Assert.Equal([2], state.StoppedInstances);
        Assert.False(state.Wants(1));
    }
}

using System.Collections.Immutable;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;
using Conclave.Orchestration.Supervision;
using Conclave.Orchestration.Tests.Processes;
using Conclave.Wire.Etcd;
using Microsoft.Extensions.Logging.Abstractions;

namespace Conclave.Orchestration.Tests.Supervision;

/// <summary>What a worker's successor learns of an instance from its record, and does because of it: real processes, real records, no store that answers.</summary>
public sealed class AdoptionTests : ProcessFixtures
{
    private const string Node = "node-1";
    private static readonly InstanceId Web1 = new("web", 1);
    private readonly ClusterDirectory _directory;

    public AdoptionTests()
    {
        _directory = new ClusterDirectory(Folder);
        _directory.Create();
    }

    /// <summary>The instance itself only sleeps; files say what its probes answer.</summary>
    private string Serves => Path.Combine(Folder, "serves");

    private string Hangs => Path.Combine(Folder, "hangs");

    private string Asked => Path.Combine(Folder, "asked");

    private InstanceRecord Record => InstanceRecordStore.Peek(_directory.NodeInstances(Node)).Single();

    private Assignment Assignment => new(Node, Generation: 1, new ServiceSpec
    {
        Name = Web1.Service,
        Command = ["sleep", "100"],
        Directory = Folder,
        Restart = RestartMode.Never,
        Ready = Probe("test -e serves"),
        Live = Probe("echo asked >> asked; ! test -e hangs"),
    });

    [Fact]
    public void A_successor_reads_that_an_instance_has_served_though_it_was_not_ready_at_the_end()
    {
        var first = Launcher();
        var process = Spawn(first);
        first.Remember(Web1, wasReady: true);
        Assert.Equal((true, true), ReadBySuccessor());
        first.Remember(Web1, wasReady: false);
        Assert.Equal((false, true), ReadBySuccessor());

        var second = Launcher();
        using (var adopted = second.TryAdopt(Web1))
            Assert.Equal(process.Identity, adopted?.Identity);
        second.Remember(Web1, wasReady: true);
        second.Remember(Web1, wasReady: false);
        Assert.Equal((false, true), ReadBySuccessor());
    }

    [Fact]
    public void A_successor_reads_that_an_instance_was_never_ready()
    {
        var first = Launcher();
        Spawn(first);
        first.Remember(Web1, wasReady: false);
        Assert.Equal((false, false), ReadBySuccessor());
    }

    [Fact]
    public async Task What_a_process_has_served_is_not_its_next_process_merit()
    {
        var first = Launcher();
        var process = Spawn(first);
        first.Remember(Web1, wasReady: true);
        await process.KillAsync(default).WaitAsync(Deadline);
        Spawn(first);
        Assert.Equal((false, false), ReadBySuccessor());
    }

    /// <summary>The worker dies between the failures of its ready probes and those of its live probes.</summary>
    [Fact]
    public async Task An_instance_that_hung_when_its_worker_died_is_ended_by_the_successor()
    {
        var process = Spawn(Launcher());
        await WithWorker(async () =>
        {
            await File.WriteAllTextAsync(Serves, "");
            await Until(() => Record.WasReady, "the first worker saw it ready");
            File.Delete(Serves);
            await Until(() => !Record.WasReady, "the first worker saw it not ready");
        });
        Assert.True(process.Identity.IsAlive());

        await File.WriteAllTextAsync(Hangs, "");
        await WithWorker(() => EndOf(process));
    }

    /// <summary>Its live probe never had a success of its own.</summary>
    [Fact]
    public async Task An_instance_that_hangs_as_soon_as_it_is_ready_is_ended()
    {
        var process = Spawn(Launcher());
        await File.WriteAllTextAsync(Hangs, "");
        await File.WriteAllTextAsync(Serves, "");
        await WithWorker(() => EndOf(process));
    }

    [Fact]
    public async Task An_instance_that_was_still_starting_when_its_worker_died_is_given_time_by_the_successor()
    {
        var process = Spawn(Launcher());
        await File.WriteAllTextAsync(Hangs, "");
        var failuresThatWouldEndIt = 3 * Assignment.Spec.Live!.Failures;
        await WithWorker(() => Until(
            () => File.Exists(Asked) && File.ReadAllLines(Asked).Length > failuresThatWouldEndIt, "the live probe was asked more often than an instance that has served may fail it"));
        Assert.True(process.Identity.IsAlive());
    }

    private static ProbeSpec Probe(string script) => new()
    {
        Kind = ProbeKind.Command,
        Command = ["/bin/sh", "-c", script],
        Interval = TimeSpan.FromMilliseconds(20),
        Timeout = Deadline,
        Failures = 3,
    };

    private InstanceLauncher Launcher() => new(Node, _directory, new NodeLauncher("/bin/false", [], _directory, []), TimeProvider.System);

    private SupervisedProcess Spawn(InstanceLauncher launcher) => Keep(launcher.Spawn(Web1, Assignment, port: 0, restarts: 0));

    private (bool WasReady, bool HasServed) ReadBySuccessor()
    {
        var record = Assert.Single(Launcher().Records).Value;
        return (record.WasReady, record.HasServed);
    }

    /// <summary>A worker that finds the process by its record and its assignment in the node's own file.</summary>
    private async Task WithWorker(Func<Task> meanwhile)
    {
        AssignmentFile.Save(_directory.NodeAssignments(Node), ImmutableSortedDictionary<InstanceId, Assignment>.Empty.Add(Web1, Assignment));
        await using var client = new EtcdClient(new EtcdClientOptions { Endpoints = ["unix://" + _directory.ClientSocket(Node)] });
        using var events = new EventLog(_directory.NodeEvents(Node), Node);
        var store = new ClusterStore(client, new ClusterKeys("test"));
        var watcher = new ClusterWatcher(store, NullLogger.Instance);
        var worker = new Worker(Node, restarts: 0, _directory, Launcher(), store, watcher, events, NullLogger.Instance, TimeProvider.System);
        using var dies = new CancellationTokenSource();
        var running = worker.RunAsync(dies.Token);
        try
        {
            await meanwhile();
        }
        finally
        {
            await dies.CancelAsync();
            await running.WaitAsync(Deadline);
        }
    }
}

using System.Collections.Immutable;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Nodes;
using Conclave.Orchestration.Processes;
using Microsoft.Extensions.Logging;

namespace Conclave.Orchestration.Supervision;

/// <summary>
/// Supervises the instances that are assigned to its node: starts them, asks their probes, starts them again, and reports. One loop owns everything; what waits (the kernel's
/// notice of an exit, a probe, the store) waits elsewhere and sends its result in. Instances outlive it: a worker that ends leaves them running, and its successor
/// adopts them.
/// </summary>
public sealed class Worker
{
    private const int MaxWaitingInputs = 65_536;
    private static readonly TimeSpan LongestTurn = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan StorePatience = TimeSpan.FromSeconds(2);
    private readonly string _node;
    private readonly int _restarts;
    private readonly ClusterDirectory _directory;
    private readonly InstanceLauncher _launcher;
    private readonly ClusterStore _store;
    private readonly ClusterWatcher _watcher;
    private readonly ReportPublisher _reports;
    private readonly EventLog _events;
    private readonly ILogger _log;
    private readonly TimeProvider _time;
    private readonly long _began;
    private readonly Random _random = new();
    private readonly InstanceMachineOptions _options = new();
    private readonly SortedDictionary<InstanceId, Supervised> _instances = [];
    private readonly Channel<WorkerInput> _inputs =
        Channel.CreateBounded<WorkerInput>(new BoundedChannelOptions(MaxWaitingInputs) { SingleReader = true });

    private ImmutableSortedDictionary<InstanceId, Assignment> _assigned;
    private bool _remembered = true;

    /// <summary>The worker of a node whose lock this process holds.</summary>
    /// <param name="node">Its node.</param>
    /// <param name="restarts">How often that was started anew.</param>
    /// <param name="directory">The cluster's.</param>
    /// <param name="launcher">Starts and finds the processes.</param>
    /// <param name="store">Where it reports.</param>
    /// <param name="watcher">Where it learns what is wanted.</param>
    /// <param name="events">Takes what happened.</param>
    /// <param name="log">Takes what went wrong.</param>
    /// <param name="time">Its clock.</param>
    public Worker(
        string node, int restarts, ClusterDirectory directory, InstanceLauncher launcher, ClusterStore store, ClusterWatcher watcher, EventLog events, ILogger log, TimeProvider time)
    {
        _node = node;
        _restarts = restarts;
        _directory = directory;
        _launcher = launcher;
        _store = store;
        _watcher = watcher;
        _events = events;
        _log = log;
        _time = time;
        _began = time.GetTimestamp();
        _reports = new ReportPublisher(store, time, log);
        _assigned = AssignmentFile.Load(directory.NodeAssignments(node));
    }

    private TimeSpan Now => _time.GetElapsedTime(_began);

    /// <summary>Completes after one turn of the loop; never, when the loop is stuck.</summary>
    public async Task PingAsync(CancellationToken cancel)
    {
        var turned = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await _inputs.Writer.WriteAsync(new WorkerInput.Ping(turned), cancel);
        await turned.Task.WaitAsync(cancel);
    }

    /// <summary>Supervises until cancelled; leaves the instances running.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        _reports.Report(
            _store.Keys.Node(_node),
            new NodeReport
            {
                Name = _node,
                Host = ProcessIdentity.Own.BootId,
                Process = ProcessIdentity.Own,
                Restarts = _restarts,
                Control = _directory.ControlSocket(_node),
                Since = _time.GetUtcNow(),
            },
            ClusterJson.Default.NodeReport);

        TakeOver();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        var helpers = Task.WhenAll(_reports.RunAsync(ended.Token), ForwardViewsAsync(ended.Token));
        try
        {
            await SuperviseAsync(stopping);
        }
        finally
        {
            await ended.CancelAsync();
            await helpers;
            foreach (var instance in _instances.Values)
                instance.Release();
        }
    }

    /// <summary>What an earlier worker of this node left running is adopted; what died without one is started again by its policy.</summary>
    private void TakeOver()
    {
        foreach (var damaged in _launcher.Damaged)
            _log.RecordDamaged(damaged.File, damaged.Reason, damaged.MovedTo);
        foreach (var (id, record) in _launcher.Records)
            Adopt(id, _assigned.GetValueOrDefault(id) ?? Unknown(id, record), record);

    }

    /// <summary>
    /// What was assigned here and does not run is started when the store says that it still is, or when the store has said nothing for a while: an instance may have been
    /// moved while this node was away, and started from memory it would run twice.
    /// </summary>
    private void StartFromMemory()
    {
        _remembered = false;
        foreach (var (id, assignment) in _assigned)
        {
            if (!_instances.ContainsKey(id))
                Add(id, assignment);
        }
    }

    /// <summary>An instance that runs here and is not in our assignments: it is held, so that it can be ended properly once the store says that it is not wanted.</summary>
    private Assignment Unknown(InstanceId id, InstanceRecord record) =>
        new(_node, record.Generation, new ServiceSpec { Name = id.Service, Command = [], Directory = _directory.Root, Restart = RestartMode.Never });

    private async Task SuperviseAsync(CancellationToken stopping)
    {
        var answered = new List<TaskCompletionSource>();
        await using var due = _time.CreateTimer(_ => _inputs.Writer.TryWrite(WorkerInput.Due.Instance), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        while (!stopping.IsCancellationRequested)
        {
            while (_inputs.Reader.TryRead(out var input))
                Take(input, answered);
            if (_remembered && Now > StorePatience)
                StartFromMemory();
            foreach (var instance in _instances.Values.ToList())
                Turn(instance, stopping);
            _reports.Beat();
            answered.ForEach(ping => ping.TrySetResult());
            answered.Clear();

            due.Change(UntilDue(), Timeout.InfiniteTimeSpan);
            try
            {
                await _inputs.Reader.WaitToReadAsync(stopping);
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }
    }

    private TimeSpan UntilDue()
    {
        var due = LongestTurn;
        foreach (var instance in _instances.Values)
        {
            if (instance.Machine.Due is { } at && at - Now < due)
                due = at - Now;
        }

        return due < TimeSpan.FromMilliseconds(1) ? TimeSpan.FromMilliseconds(1) : due;
    }

    private void Take(WorkerInput input, List<TaskCompletionSource> answered)
    {
        switch (input)
        {
            case WorkerInput.Viewed viewed:
                TakeAssignments(viewed.View);
                break;
            case WorkerInput.Exited exited when Owner(exited.Process) is { } instance:
                TakeExit(instance, exited.Exit);
                break;
            case WorkerInput.Probed probed when Owner(probed.Process) is { } instance:
                TakeProbe(instance, probed);
                break;
            case WorkerInput.Ending ending when Owner(ending.Process) is { } instance:
                TakeEnding(instance);
                break;
            case WorkerInput.Exited or WorkerInput.Probed or WorkerInput.Ending:
                break; // of a process that is no longer this instance's
            case WorkerInput.Due:
                break; // the turn that follows does it
            case WorkerInput.Ping ping:
                answered.Add(ping.Turned);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private Supervised? Owner(SupervisedProcess process) => _instances.Values.FirstOrDefault(i => ReferenceEquals(i.Process, process));

    private void TakeAssignments(ClusterView view)
    {
        if (view.Settings is null)
            return; // nothing was read yet: not knowing what is wanted is no reason to stop anything
        _remembered = false;
        var mine = view.Assignments.Where(a => a.Value.Node == _node).ToImmutableSortedDictionary();
        if (!mine.SequenceEqual(_assigned))
        {
            _assigned = mine;
            AssignmentFile.Save(_directory.NodeAssignments(_node), mine);
        }

        foreach (var (id, assignment) in mine)
        {
            if (_instances.TryGetValue(id, out var instance))
                instance.Machine.Want(assignment, Now);
            else if (_launcher.FindRunning(id) is { } found)
                Adopt(id, assignment, found);
            else
                Add(id, assignment);
        }

        foreach (var (id, instance) in _instances.Where(i => !mine.ContainsKey(i.Key)).ToList())
        {
            if (IsHeldElsewhere(view, instance))
                LetGo(instance);
            else
                instance.Machine.Want(null, Now);
        }
    }

    /// <summary>While this node was away its instance was given to another worker of this host, which has adopted the very process that we hold.</summary>
    private bool IsHeldElsewhere(ClusterView view, Supervised instance) =>
        view.Instances.TryGetValue(instance.Id, out var report) && report.Node != _node && instance.Process is { } process && report.Process == process.Identity;

    private void LetGo(Supervised instance)
    {
        instance.Release();
        _instances.Remove(instance.Id);
        _launcher.Forget(instance.Id);
    }

    private Supervised Add(InstanceId id, Assignment assignment)
    {
        var machine = new InstanceMachine(assignment, _random, _options, Now) { Restarts = _launcher.RestartsOf(id) };
        var instance = new Supervised(id, machine);
        _instances.Add(id, instance);
        return instance;
    }

    private void Adopt(InstanceId id, Assignment assignment, InstanceRecord record)
    {
        var instance = Add(id, assignment);
        var process = _launcher.TryAdopt(id);
        if (process is null)
        {
            _instances.Remove(id); // it ended while nobody watched: started anew once it is known to be still ours
            return;
        }

        Hold(instance, process);
        instance.Machine.Adopted(assignment with { Generation = record.Generation }, record.WasReady, record.HasServed, Now);
        instance.Machine.Want(assignment, Now);
        instance.Port = record.Port;
        if (record.WasReady)
            instance.Enter(RunState.Ready, record.Since);
        _events.Append(EventKind.InstanceAdopted, id.ToString(), why: "its worker was replaced", data: new JsonObject { ["pid"] = process.Identity.Pid, ["port"] = record.Port });
    }

    private void TakeEnding(Supervised instance)
    {
        var before = instance.Machine.State;
        instance.Machine.Ending();
        if (instance.Machine.State != before)
            _events.Append(EventKind.InstanceEnding, instance.Id.ToString());
    }

    private void TakeExit(Supervised instance, ProcessExit exit)
    {
        var asked = instance.Machine.State == RunState.Stopping;
        instance.Release();
        instance.Machine.Exited(exit, Now);
        _events.Append(
            asked ? EventKind.InstanceStopped : EventKind.InstanceExited,
            instance.Id.ToString(),
            why: asked ? exit.ToString() : instance.Machine.Why ?? exit.ToString());
        if (instance.Machine.State == RunState.CrashLoop)
            _events.Append(EventKind.InstanceCrashLoop, instance.Id.ToString(), why: instance.Machine.Why ?? "");
    }

    private void TakeProbe(Supervised instance, WorkerInput.Probed probed)
    {
        var before = instance.Machine.State;
        instance.Machine.Probed(probed.Role, probed.Answer, Now);
        var after = instance.Machine.State;
        if (before == after)
            return;
        var kind = after == RunState.Ready ? EventKind.InstanceReady : probed.Role == ProbeRole.Live ? EventKind.InstanceHung : EventKind.InstanceUnready;
        _events.Append(kind, instance.Id.ToString(), why: instance.Machine.Why ?? "");
    }

    /// <summary>Does what the machine of one instance wants, and reports how it is when that changed.</summary>
    private void Turn(Supervised instance, CancellationToken stopping)
    {
        // A spawn that fails makes the machine want something else at once, hence the loop; its delays bound it.
        for (var actions = instance.Machine.Advance(Now); actions.Count > 0; actions = instance.Machine.Advance(Now))
        {
            foreach (var action in actions)
            {
                if (action is InstanceAction.Forget)
                {
                    Forget(instance);
                    return;
                }

                Act(instance, action, stopping);
            }
        }

        Report(instance);
    }

    private void Act(Supervised instance, InstanceAction action, CancellationToken stopping)
    {
        switch (action)
        {
            case InstanceAction.Spawn spawn:
                Spawn(instance, spawn.Assignment);
                break;
            case InstanceAction.Ask ask:
                _events.Append(EventKind.InstanceStopping, instance.Id.ToString(), why: instance.Machine.Why ?? "");
                instance.Process!.Signal(ask.Signal);
                break;
            case InstanceAction.Kill:
                instance.Process!.SignalGroup(Signal.Kill);
                break;
            case InstanceAction.Probe probe:
                _ = ProbeAsync(instance.Process!, instance, probe, instance.Probing!.Token, stopping);
                break;
            default:
                throw new System.Diagnostics.UnreachableException();
        }
    }

    private void Spawn(Supervised instance, Assignment assignment)
    {
        try
        {
            // Between death and rebirth the report must say that nobody serves, and it must be on its way before the new process is.
            Report(instance);
            instance.Port = _launcher.PortOf(instance.Id, _watcher.View.Instances.Values.Select(r => r.Port).ToHashSet());
            var process = _launcher.Spawn(instance.Id, assignment, instance.Port, instance.Machine.Restarts);
            Hold(instance, process);
            instance.Machine.Spawned(assignment, Now);
            _events.Append(
                EventKind.InstanceStarted, instance.Id.ToString(), data: new JsonObject { ["pid"] = process.Identity.Pid, ["port"] = instance.Port });
        }
        catch (ProcessStartException failed)
        {
            instance.Machine.SpawnFailed(failed.Message, Now);
            _events.Append(EventKind.InstanceFailed, instance.Id.ToString(), why: failed.Message);
        }
    }

    private void Forget(Supervised instance)
    {
        _launcher.Forget(instance.Id);
        _instances.Remove(instance.Id);
        _reports.Withdraw(_store.Keys.Instance(instance.Id));
    }

    private void Report(Supervised instance)
    {
        var machine = instance.Machine;
        var report = new InstanceReport
        {
            Id = instance.Id,
            Node = _node,
            State = machine.State,
            Generation = machine.Generation,
            Process = instance.Process?.Identity,
            Port = instance.Port,
            Restarts = machine.Restarts,
            Since = instance.Since,
            Why = machine.Why,
        };
        if (report == instance.Reported)
            return;
        if (report.State != instance.Entered)
        {
            instance.Enter(report.State, _time.GetUtcNow());
            report = report with { Since = instance.Since };
        }

        // Of one that is ending nothing need be known by a later worker, which would find it gone; and to write it would delay the next one's start.
        if (report.State == RunState.Ready != (instance.Reported?.State == RunState.Ready) && instance.Process is { Ending.IsCompleted: false } process)
        {
            _launcher.Remember(instance.Id, wasReady: report.State == RunState.Ready);
            if (report.State == RunState.Ready)
                process.WatchEnding(); // it has its threads now
        }

        instance.Reported = report;
        _reports.Report(_store.Keys.Instance(instance.Id), report, ClusterJson.Default.InstanceReport);
        _log.InstanceIs(instance.Id, report.State, report.Why ?? "");
    }

    private void Hold(Supervised instance, SupervisedProcess process)
    {
        instance.Process = process;
        instance.Probing = new CancellationTokenSource();
        _ = ForwardEndAsync(process);
    }

    private async Task ForwardEndAsync(SupervisedProcess process)
    {
        if (await Task.WhenAny(process.Ending, process.Exited) == process.Ending)
            await _inputs.Writer.WriteAsync(new WorkerInput.Ending(process));
        var exit = await process.Exited;
        await _inputs.Writer.WriteAsync(new WorkerInput.Exited(process, exit));
    }

    private async Task ProbeAsync(
        SupervisedProcess process, Supervised instance, InstanceAction.Probe probe, CancellationToken ended, CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ended, stopping);
        try
        {
            var answer = await _launcher.ProbeAsync(instance.Id, instance.Port, instance.Machine.Assignment!.Spec, probe.Spec, either.Token);
            await _inputs.Writer.WriteAsync(new WorkerInput.Probed(process, probe.Role, answer), either.Token);
        }
        catch (OperationCanceledException) when (either.IsCancellationRequested)
        {
            // The process or this worker ended first.
        }
    }

    private async Task ForwardViewsAsync(CancellationToken stopping)
    {
        var view = ClusterView.Empty;
        try
        {
            while (true)
            {
                view = await _watcher.NextAsync(view, stopping);
                await _inputs.Writer.WriteAsync(new WorkerInput.Viewed(view), stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Done.
        }
    }

    /// <summary>One instance with what belongs to its present process.</summary>
    private sealed class Supervised(InstanceId id, InstanceMachine machine)
    {
        public InstanceId Id { get; } = id;

        public InstanceMachine Machine { get; } = machine;

        public SupervisedProcess? Process { get; set; }

        public CancellationTokenSource? Probing { get; set; }

        public int Port { get; set; }

        /// <summary>The state that <see cref="Since"/> speaks of; an adopted one served before it was ours.</summary>
        public RunState? Entered { get; private set; }

        public DateTimeOffset Since { get; private set; }

        public InstanceReport? Reported { get; set; }

        public void Enter(RunState state, DateTimeOffset since)
        {
            Entered = state;
            Since = since;
        }

        public void Release()
        {
            Probing?.Cancel();
            Probing?.Dispose();
            Probing = null;
            Process?.Dispose();
            Process = null;
        }
    }
}

/// <summary>What reaches the supervision loop. A closed set.</summary>
internal abstract record WorkerInput
{
    private WorkerInput()
    {
    }

    public sealed record Viewed(ClusterView View) : WorkerInput;

    public sealed record Ending(SupervisedProcess Process) : WorkerInput;

    public sealed record Exited(SupervisedProcess Process, ProcessExit Exit) : WorkerInput;

    public sealed record Probed(SupervisedProcess Process, ProbeRole Role, ProbeResult Answer) : WorkerInput;

    public sealed record Ping(TaskCompletionSource Turned) : WorkerInput;

    public sealed record Due : WorkerInput
    {
        public static readonly Due Instance = new();
    }
}

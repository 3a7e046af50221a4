using System.Diagnostics;
using Conclave.Orchestration.Cluster;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Supervision;

/// <summary>What the machine wants done. A closed set.</summary>
internal abstract record InstanceAction
{
    private InstanceAction()
    {
    }

    /// <summary>Start a process for this assignment.</summary>
    public sealed record Spawn(Assignment Assignment) : InstanceAction;

    /// <summary>Ask the process to end.</summary>
    public sealed record Ask(Signal Signal) : InstanceAction;

    /// <summary>End the process and all it started, at once.</summary>
    public sealed record Kill : InstanceAction;

    /// <summary>Ask a probe; the answer comes back through <see cref="InstanceMachine.Probed"/>.</summary>
    public sealed record Probe(ProbeRole Role, ProbeSpec Spec) : InstanceAction;

    /// <summary>It ended and is not wanted: forget it.</summary>
    public sealed record Forget : InstanceAction;
}

/// <summary>What a probe is asked for.</summary>
internal enum ProbeRole
{
    /// <summary>Has it started? Until then it is not asked whether it lives.</summary>
    Start,

    /// <summary>May it be sent requests?</summary>
    Ready,

    /// <summary>Is it hung?</summary>
    Live,
}

/// <summary>The bounds of a worker's decisions.</summary>
internal sealed record InstanceMachineOptions
{
    /// <summary>How long an instance that is about to end is kept running after it was reported so, so that the gateways stop sending to it first. Default 200 ms.</summary>
    public TimeSpan DrainDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>After this long without a first success, probes fall back to their own interval and the report says what is wrong. Default 10 s.</summary>
    public TimeSpan StartPatience { get; init; } = TimeSpan.FromSeconds(10);
}

/// <summary>
/// One instance as its worker supervises it: what it should be, what its process does, and what must be done. Pure: time comes in, actions come out
/// of <see cref="Advance"/>.
/// </summary>
internal sealed class InstanceMachine
{
    private readonly InstanceMachineOptions _options;
    private readonly Random _random;
    private readonly SortedDictionary<ProbeRole, ProbeTrack> _probes = [];
    private RestartPolicy _policy;
    private Assignment? _wanted;
    private Assignment? _running;
    private TimeSpan? _spawnAt;
    private TimeSpan? _askAt;
    private TimeSpan? _killAt;
    private TimeSpan _spawnedAt;
    private TimeSpan? _readySince;
    private bool _startIsOver;
    private bool _complained;
    private bool _ending;

    /// <summary>An instance that was assigned and has no process yet.</summary>
    public InstanceMachine(Assignment wanted, Random random, InstanceMachineOptions options, TimeSpan now)
    {
        _wanted = wanted;
        _random = random;
        _policy = PolicyOf(wanted, failures: 0);
        _options = options;
        _spawnAt = now;
        State = RunState.Pending;
    }

    /// <summary>Where it is in its life.</summary>
    public RunState State { get; private set; }

    /// <summary>Why, in a sentence; null when there is nothing to explain.</summary>
    public string? Why { get; private set; }

    /// <summary>Times it was started again because it failed.</summary>
    public int Restarts { get; set; }

    /// <summary>The generation that runs, or would.</summary>
    public long Generation => (_running ?? _wanted)?.Generation ?? 0;

    /// <summary>What is asked of it, or was.</summary>
    public Assignment? Assignment => _wanted ?? _running;

    /// <summary>When <see cref="Advance"/> will have something to do if nothing else happens; null: never.</summary>
    public TimeSpan? Due
    {
        get
        {
            var due = Min(Min(_spawnAt, _askAt), _killAt);
            foreach (var probe in _probes.Values)
            {
                if (!probe.InFlight)
                    due = Min(due, probe.NextAt);
            }

            return due;
        }
    }

    /// <summary>What should be; null: nothing.</summary>
    public void Want(Assignment? assignment, TimeSpan now)
    {
        var before = _wanted;
        _wanted = assignment;
        if (_running is null)
        {
            // A new wish deserves a new try, without the delay that the old one had earned.
            if (assignment is not null && (before is null || before.Generation != assignment.Generation))
            {
                _policy = PolicyOf(assignment, failures: 0);
                _spawnAt = now;
            }
            else if (assignment is null)
                _spawnAt = now; // Advance sees that there is nothing to spawn and forgets it
            return;
        }

        if (assignment is null)
            BeginStop("it is not wanted any more", now);
        else if (assignment.Generation != _running.Generation)
            BeginStop($"generation {assignment.Generation} replaces it", now);
        else
            TakeSpec(assignment, now);
    }

    /// <summary>A process was started for the assignment that <see cref="InstanceAction.Spawn"/> named.</summary>
    public void Spawned(Assignment assignment, TimeSpan now)
    {
        _running = assignment;
        _spawnedAt = now;
        _spawnAt = null;
        Begin(now, wasReady: false, hasServed: false);
    }

    /// <summary>A process of an earlier worker was found alive.</summary>
    /// <param name="assignment">What it was started with.</param>
    /// <param name="wasReady">Whether it served when last seen: then it is taken to do so still until a probe says otherwise, since nothing happened to it but the loss of its worker.</param>
    /// <param name="hasServed">Whether it ever did: then its start is over, and failures count from the first on.</param>
    /// <param name="now">The time.</param>
    public void Adopted(Assignment assignment, bool wasReady, bool hasServed, TimeSpan now)
    {
        _running = assignment;
        _spawnedAt = now;
        _spawnAt = null;
        Begin(now, wasReady, hasServed || wasReady);
    }

    /// <summary>The process could not be started.</summary>
    public void SpawnFailed(string why, TimeSpan now)
    {
        _running = null;
        Decide(new RunEnd.NotStarted(why), why, TimeSpan.Zero, now);
        Become(RunState.Failed, why);
    }

    /// <summary>The kernel has begun to end the process. Nothing replaces it before it has ended: until then it has its port and its locks.</summary>
    public void Ending()
    {
        if (_running is null || State == RunState.Stopping || _killAt is not null)
            return; // we know why
        _ending = true;
        _probes.Clear();
        Become(RunState.Unready, "it is ending");
    }

    /// <summary>The process has ended.</summary>
    public void Exited(ProcessExit exit, TimeSpan now)
    {
        var stopping = State == RunState.Stopping;
        var hung = State == RunState.Unready && _killAt is not null ? Why : null;
        var readyFor = _readySince is { } since ? now - since : TimeSpan.Zero;
        _probes.Clear();
        _running = null;
        _readySince = null;
        _askAt = null;
        _killAt = null;
        if (_wanted is null)
        {
            Become(RunState.Stopped, Why);
            _spawnAt = now;
        }
        else if (stopping)
        {
            Become(RunState.Starting, Why); // it was replaced, it did not fail
            _spawnAt = now;
        }
        else
        {
            Decide(hung is null ? new RunEnd.Exited(exit) : new RunEnd.ProbeFailed(hung), hung ?? exit.ToString()!, readyFor, now);
        }
    }

    /// <summary>A probe was answered.</summary>
    public void Probed(ProbeRole role, ProbeResult answer, TimeSpan now)
    {
        if (_running is null || State == RunState.Stopping || !_probes.TryGetValue(role, out var track))
            return; // the answer of a process that is gone or going
        track.InFlight = false;
        var verdict = track.State.Observe(answer.IsSuccess);
        track.NextAt = now + (Patient(now) ? track.State.Interval : track.Spec.Interval);
        if (answer.IsSuccess && !_startIsOver)
            EndStart();
        switch (role, verdict)
        {
            case (ProbeRole.Start, ProbeVerdict.BecameHealthy):
                _probes.Remove(ProbeRole.Start);
                BeginRoutineProbes(now, wasReady: false, hasServed: true);
                if (_running.Spec.Ready is null)
                    BecomeReady(now);
                break;
            case (ProbeRole.Ready, ProbeVerdict.BecameHealthy):
                BecomeReady(now);
                break;
            case (ProbeRole.Ready, ProbeVerdict.BecameFailing):
                _readySince = null;
                Become(RunState.Unready, $"{track.Spec.Failures} ready probes in a row failed: {TextOf(answer)}");
                break;
            case (ProbeRole.Live, ProbeVerdict.BecameFailing):
                Hung($"{track.Spec.Failures} live probes in a row failed: {TextOf(answer)}", now);
                break;
            case (ProbeRole.Start, ProbeVerdict.StartingUp) when now - _spawnedAt >= AllowedStart(track.Spec):
                Hung($"its start probe did not succeed within {AllowedStart(track.Spec).TotalSeconds:0.#} s: {TextOf(answer)}", now);
                break;
            case (ProbeRole.Start or ProbeRole.Ready, ProbeVerdict.StartingUp) when !Patient(now) && !_complained:
                _complained = true;
                Become(RunState.Starting, $"not ready {(now - _spawnedAt).TotalSeconds:0} s after its start: {TextOf(answer)}");
                break;
        }
    }

    /// <summary>A start probe is asked more often than its interval says, so what its failures allow is a time, as with Kubernetes: so many intervals.</summary>
    private static TimeSpan AllowedStart(ProbeSpec start) => start.Interval * start.Failures;

    /// <summary>
    /// Any probe's first success ends the start for the live probe too. Waiting for its own first success, which it may be asked for only an interval later, an
    /// instance that hung in between would never be ended.
    /// </summary>
    private void EndStart()
    {
        _startIsOver = true;
        if (_probes.TryGetValue(ProbeRole.Live, out var live))
            live.State.CountFailures();
    }

    /// <summary>Time has passed: what is to be done now.</summary>
    public IReadOnlyList<InstanceAction> Advance(TimeSpan now)
    {
        var actions = new List<InstanceAction>();
        if (_running is null)
        {
            if (_spawnAt is { } at && at <= now)
            {
                _spawnAt = null;
                actions.Add(_wanted is null ? new InstanceAction.Forget() : new InstanceAction.Spawn(_wanted));
            }

            return actions;
        }

        if (State == RunState.Ready && _policy.Healthy(now - _readySince!.Value))
            Why = null;

        if (_askAt <= now)
        {
            _askAt = null;
            _killAt = now + _running.Spec.StopGracePeriod;
            actions.Add(new InstanceAction.Ask(_running.Spec.StopSignal));
        }

        if (_killAt <= now)
        {
            _killAt = now + TimeSpan.FromSeconds(5); // a process in the kernel's hands dies when the kernel lets go; asked again meanwhile
            actions.Add(new InstanceAction.Kill());
        }

        foreach (var (role, probe) in _probes)
        {
            if (probe.InFlight || probe.NextAt > now)
                continue;
            probe.InFlight = true;
            actions.Add(new InstanceAction.Probe(role, probe.Spec));
        }

        return actions;
    }

    /// <summary>
    /// Hung is not asked to end but ended: what does not answer probes does not answer signals either, and each second of grace is one in which clients wait.
    /// </summary>
    private void Hung(string why, TimeSpan now)
    {
        _probes.Clear();
        _killAt = now;
        Become(RunState.Unready, why);
    }

    private void BeginStop(string why, TimeSpan now)
    {
        if (State == RunState.Stopping)
            return;
        _askAt = now + _options.DrainDelay;
        _probes.Clear();
        Become(RunState.Stopping, why);
    }

    private void Begin(TimeSpan now, bool wasReady, bool hasServed)
    {
        _probes.Clear();
        _readySince = null;
        _complained = false;
        _ending = false;
        _startIsOver = hasServed;
        var spec = _running!.Spec;
        Become(RunState.Starting, null);
        if (spec.Start is { } start && !hasServed)
            _probes[ProbeRole.Start] = new ProbeTrack(start, now, succeeded: false);
        else
            BeginRoutineProbes(now, wasReady, hasServed);
        if (wasReady || (spec.Ready is null && (spec.Start is null || hasServed)))
            BecomeReady(now);
    }

    private void BeginRoutineProbes(TimeSpan now, bool wasReady, bool hasServed)
    {
        if (_running!.Spec.Ready is { } ready)
            _probes[ProbeRole.Ready] = new ProbeTrack(ready, now, wasReady);

        // Failures before any probe's first success never count, so the live probe of a slow starter does no harm.
        if (_running.Spec.Live is { } live)
            _probes[ProbeRole.Live] = new ProbeTrack(live, now + (hasServed ? TimeSpan.Zero : live.Interval), hasServed);
    }

    /// <summary>Probes, restart mode and the way of stopping may change without a new process.</summary>
    private void TakeSpec(Assignment assignment, TimeSpan now)
    {
        var before = _running!.Spec;
        _running = assignment;
        if (before.Restart != assignment.Spec.Restart)
            _policy = PolicyOf(assignment, _policy.Failures);
        if (State == RunState.Stopping || _killAt is not null || _ending || (before.Ready == assignment.Spec.Ready && before.Live == assignment.Spec.Live && before.Start == assignment.Spec.Start))
            return;
        if (!_startIsOver)
        {
            Begin(now, wasReady: false, hasServed: false);
            return;
        }

        // One that hangs while its probes change must not get the patience of a starter.
        _probes.Clear();
        BeginRoutineProbes(now, State == RunState.Ready, hasServed: true);
        if (assignment.Spec.Ready is null)
            BecomeReady(now);
    }

    private void Decide(RunEnd end, string what, TimeSpan readyFor, TimeSpan now)
    {
        switch (_policy.Decide(end, readyFor))
        {
            case RestartDecision.Restart again:
                Restarts++;
                _spawnAt = now + again.After;
                Become(RunState.BackOff, $"{what}; started again {After(again.After)}");
                break;
            case RestartDecision.CrashLoop loop:
                Restarts++;
                _spawnAt = now + loop.After;
                Become(RunState.CrashLoop, $"{what}, {loop.Failures} times in a row; next try {After(loop.After)}");
                break;
            case RestartDecision.GiveUp give:
                _spawnAt = null;
                Become(end is RunEnd.Exited { Exit.IsSuccess: true } ? RunState.Stopped : RunState.Failed, $"{what}; {give.Why}");
                break;
            default:
                throw new UnreachableException();
        }
    }

    private bool Patient(TimeSpan now) => now - _spawnedAt < _options.StartPatience;

    private void BecomeReady(TimeSpan now)
    {
        if (State == RunState.Ready)
            return;
        _readySince = now;
        Become(RunState.Ready, _policy.InCrashLoop ? $"it failed {_policy.Failures} times in a row before; not yet trusted" : null);
    }

    private RestartPolicy PolicyOf(Assignment assignment, int failures) =>
        new(new RestartOptions { Mode = assignment.Spec.Restart }, _random, failures);

    private static string TextOf(ProbeResult answer) => answer switch
    {
        ProbeResult.Failed failed => failed.Why,
        ProbeResult.TimedOut late => $"no answer within {late.After.TotalMilliseconds:0} ms",
        _ => "",
    };

    private void Become(RunState state, string? why)
    {
        State = state;
        Why = why;
    }

    private static TimeSpan? Min(TimeSpan? left, TimeSpan? right) => left is null || right < left ? right : left;

    private static string After(TimeSpan delay) => delay == TimeSpan.Zero ? "at once" : $"in {delay.TotalSeconds:0.0} s";

    private sealed class ProbeTrack(ProbeSpec spec, TimeSpan firstAt, bool succeeded)
    {
        public ProbeSpec Spec { get; } = spec;

        public ProbeState State { get; } = new(spec, succeeded);

        public TimeSpan NextAt { get; set; } = firstAt;

        public bool InFlight { get; set; }
    }
}

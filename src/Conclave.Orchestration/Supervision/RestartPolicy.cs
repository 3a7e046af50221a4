using System.Diagnostics;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Supervision;

/// <summary>When a row of failures is called a crash loop, and when it is over.</summary>
public sealed record RestartOptions
{
    /// <summary>Default <see cref="RestartMode.Always"/>.</summary>
    public RestartMode Mode { get; init; } = RestartMode.Always;

    /// <summary>How the delays grow.</summary>
    public BackoffOptions Backoff { get; init; } = new();

    /// <summary>An instance that was ready for this long in one run is healthy again: back-off and crash loop end. Default 10 s.</summary>
    public TimeSpan HealthyPeriod { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>That many failures in a row, without a healthy period between, are a crash loop. Default 5.</summary>
    public int CrashLoopAfter { get; init; } = 5;
}

/// <summary>Why a run of an instance is over. A closed set.</summary>
public abstract record RunEnd
{
    private RunEnd() { }

    /// <summary>Its process ended without being asked to.</summary>
    public sealed record Exited(ProcessExit Exit) : RunEnd;

    /// <summary>It runs, but its live probe (or, before it was ever ready, its start probe) failed as often as allowed.</summary>
    public sealed record ProbeFailed(string Why) : RunEnd;

    /// <summary>It could not be started at all.</summary>
    public sealed record NotStarted(string Why) : RunEnd;
}

/// <summary>What to do about it. A closed set.</summary>
public abstract record RestartDecision
{
    private RestartDecision() { }

    /// <summary>Start it again after this delay; zero the first time.</summary>
    public sealed record Restart(TimeSpan After) : RestartDecision;

    /// <summary>
    /// Start it again after this delay, and show it as crash-looping until <see cref="RestartPolicy.Healthy"/> says otherwise. Local repair has failed: the leader may move it.
    /// </summary>
    /// <param name="After">The current back-off; also the longest that a repaired program waits for its next chance.</param>
    /// <param name="Failures">In a row.</param>
    public sealed record CrashLoop(TimeSpan After, int Failures) : RestartDecision;

    /// <summary>Leave it ended; the mode says so.</summary>
    public sealed record GiveUp(string Why) : RestartDecision;
}

/// <summary>
/// Decides for one instance whether and when it is started again. Pure: no clock, the caller says how long the run was ready. Not asked about
/// ends that somebody ordered (stop, scale, restart). Not thread-safe.
/// </summary>
public sealed class RestartPolicy
{
    private readonly RestartOptions _options;
    private readonly Backoff _backoff;

    /// <param name="options">Validated here.</param>
    /// <param name="random">For the jitter.</param>
    /// <param name="failures">Failures in a row so far, from a predecessor's record.</param>
    public RestartPolicy(RestartOptions options, Random random, int failures = 0)
    {
        if (options.CrashLoopAfter < 2)
            throw new ConclaveException("one failure is no crash loop: it takes at least 2");
        if (options.HealthyPeriod <= TimeSpan.Zero)
            throw new ConclaveException("the healthy period must be longer than zero");
        _options = options;
        _backoff = new Backoff(options.Backoff, random, failures);
    }

    /// <summary>Failures in a row since the last healthy period.</summary>
    public int Failures => _backoff.Attempts;

    /// <summary>A state of its own: entered by too many failures in a row, left after a healthy period and not by the mere next start.</summary>
    public bool InCrashLoop => Failures >= _options.CrashLoopAfter;

    /// <summary>Tells how long the present run has been ready. True when this ended a row of failures, so that the state changed.</summary>
    public bool Healthy(TimeSpan readyFor)
    {
        if (readyFor < _options.HealthyPeriod || Failures == 0)
            return false;
        _backoff.Reset();
        return true;
    }

    /// <summary>A run is over.</summary>
    /// <param name="end">How.</param>
    /// <param name="readyFor">How long it had been ready; zero when it never was.</param>
    public RestartDecision Decide(RunEnd end, TimeSpan readyFor)
    {
        Healthy(readyFor);
        if (WhyNot(end) is { } why)
            return new RestartDecision.GiveUp(why);

        var after = _backoff.Next();
        return InCrashLoop ? new RestartDecision.CrashLoop(after, Failures) : new RestartDecision.Restart(after);
    }

    /// <summary>The end of an adopted process is unknown and counts as a failure: running once too often is the smaller harm.</summary>
    private string? WhyNot(RunEnd end) => (_options.Mode, end) switch
    {
        (RestartMode.Always, _) => null,
        (RestartMode.OnFailure, RunEnd.Exited { Exit.IsSuccess: true }) => "it ended with code 0 and restart is on-failure",
        (RestartMode.OnFailure, _) => null,
        (RestartMode.Never, _) => "restart is never",
        _ => throw new UnreachableException(),
    };
}

using Conclave.Orchestration.Model;

namespace Conclave.Orchestration.Supervision;

/// <summary>What one more answer changed.</summary>
public enum ProbeVerdict
{
    /// <summary>Never succeeded yet.</summary>
    StartingUp,

    /// <summary>Succeeded for the first time in this run, or again after it was failing.</summary>
    BecameHealthy,

    /// <summary>Succeeded as before.</summary>
    Healthy,

    /// <summary>Failed, but not often enough in a row to count.</summary>
    Doubtful,

    /// <summary>Failed often enough in a row, just now.</summary>
    BecameFailing,

    /// <summary>Goes on failing.</summary>
    Failing,
}

/// <summary>
/// Turns single answers into a state. One success makes it healthy; <see cref="ProbeSpec.Failures"/> failures in a row make it failing. Failures before the first success
/// never count: a program may take its time to start. Pure, not thread-safe.
/// </summary>
/// <param name="spec">The probe.</param>
/// <param name="succeededBefore">True for an adopted instance that its record calls ready: then there is no start-up phase.</param>
public sealed class ProbeState(ProbeSpec spec, bool succeededBefore = false)
{
    /// <summary>From one question to the next until the first success: 20 ms, so that an instance serves as soon as it can.</summary>
    public static readonly TimeSpan StartUpInterval = TimeSpan.FromMilliseconds(20);

    private int _failuresInRow;

    /// <summary>False until the start is over: by the first success, or by <see cref="CountFailures"/>.</summary>
    public bool HasSucceeded { get; private set; } = succeededBefore;

    /// <summary>True from a success until too many failures in a row.</summary>
    public bool IsHealthy { get; private set; } = succeededBefore;

    /// <summary>How long to wait from the start of one question to the start of the next.</summary>
    public TimeSpan Interval => HasSucceeded || spec.Interval < StartUpInterval ? spec.Interval : StartUpInterval;

    /// <summary>Another probe has seen that the start is over: from now on failures count, as after a first success.</summary>
    public void CountFailures() => HasSucceeded = IsHealthy = true;

    /// <summary>Takes one answer.</summary>
    public ProbeVerdict Observe(bool succeeded)
    {
        if (succeeded)
            return Succeeded();
        return HasSucceeded ? Failed() : ProbeVerdict.StartingUp;
    }

    private ProbeVerdict Succeeded()
    {
        var was = IsHealthy;
        _failuresInRow = 0;
        HasSucceeded = IsHealthy = true;
        return was ? ProbeVerdict.Healthy : ProbeVerdict.BecameHealthy;
    }

    private ProbeVerdict Failed()
    {
        if (!IsHealthy)
            return ProbeVerdict.Failing;
        if (++_failuresInRow < spec.Failures)
            return ProbeVerdict.Doubtful;
        IsHealthy = false;
        return ProbeVerdict.BecameFailing;
    }
}

using System.Collections.Immutable;
using System.Globalization;
using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Lead;

/// <summary>What becomes of the leadership when the program ends by itself.</summary>
internal enum OnExit
{
    /// <summary>It is given up at once, and this candidate stands again after a pause.</summary>
    HandOver,

    /// <summary>It is kept, and the program is started again after a pause.</summary>
    Restart,

    /// <summary>It is given up, and <c>lead</c> ends with the program's code.</summary>
    Exit,
}

/// <summary>What <c>conclave lead</c> was asked for, checked.</summary>
internal sealed record LeadOptions
{
    public required string Election { get; init; }

    public required ImmutableArray<string> Command { get; init; }

    public required ImmutableArray<string> Endpoints { get; init; }

    public TimeSpan Ttl { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(4);

    public Signal Signal { get; init; } = Signal.Term;

    public OnExit OnExit { get; init; }

    public string Value { get; init; } = CandidateName.Default;

    /// <summary>The program is asked to end this much before the deadline, so what is left of a lease must reach over one renewal that got lost.</summary>
    public TimeSpan EndTime => Grace + GuardRules.KillTime;

    public LeaseOptions Lease => new() { Ttl = Ttl };

    /// <exception cref="ConclaveException">An option makes no sense; one line says which and what to do.</exception>
    public void Validate()
    {
        if (Command.IsEmpty)
            throw Wrong("there is no command; write it after --, as in: conclave lead billing/dialer -- ./dialer");
        if (Ttl < TimeSpan.FromSeconds(2) || Ttl > TimeSpan.FromDays(1))
            throw Wrong("--ttl takes seconds from 2 to 86400");
        if (Grace < TimeSpan.Zero)
            throw Wrong("--grace takes seconds, 0 or more");
        var room = LeaseClock.Usable(Ttl, Lease) - (2 * Ttl / Lease.RenewalsPerTtl);
        if (room < EndTime)
        {
            var ttl = Math.Ceiling((EndTime + Lease.StopMargin).TotalSeconds / ((1 / (1 + Lease.ClockRateMargin)) - (2.0 / Lease.RenewalsPerTtl)));
            throw Wrong(string.Create(CultureInfo.InvariantCulture,
                $"--grace {Grace.TotalSeconds:0.#} does not fit into --ttl {Ttl.TotalSeconds:0.#}: a program that is asked to end needs that time before the lease does; raise --ttl to {ttl} or lower --grace"));
        }
    }

    private static ConclaveException Wrong(string problem) => new(problem, ExitCode.Usage);
}

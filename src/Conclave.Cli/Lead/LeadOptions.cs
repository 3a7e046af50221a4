using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Conclave.Cli.Elections;
using Conclave.Orchestration;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Lead;

/// <summary>Which command it is. Both stand in an election and run a program while they lead.</summary>
internal enum RunKind
{
    /// <summary><c>conclave lead</c>: a candidate for good, which may lead many times.</summary>
    Lead,

    /// <summary><c>conclave lock</c>: leads once, for one run of the program.</summary>
    Lock,
}

/// <summary>What becomes of the leadership when the program ends by itself.</summary>
internal enum OnExit
{
    /// <summary>It is given up at once, and this candidate stands again after a pause.</summary>
    HandOver,

    /// <summary>It is kept, and the program is started again after a pause.</summary>
    Restart,

    /// <summary>It is given up, and the command ends with the program's code.</summary>
    Exit,
}

/// <summary>What <c>conclave lead</c> or <c>conclave lock</c> was asked for, checked.</summary>
internal sealed record LeadOptions
{
    /// <summary>Every backend takes that much.</summary>
    public const int ValueBytesMax = 64 * 1024;

    public required RunKind Kind { get; init; }

    public required string Election { get; init; }

    public required ImmutableArray<string> Command { get; init; }

    public required ElectionAddress Address { get; init; }

    public required TimeSpan Ttl { get; init; }

    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(4);

    public Signal Signal { get; init; } = Signal.Term;

    public OnExit OnExit { get; init; }

    public string Value { get; init; } = CandidateName.Default;

    /// <summary>How long to wait for the turn: null as long as it takes, zero not at all.</summary>
    public TimeSpan? Wait { get; init; }

    /// <summary>To exit with when the turn did not come in time.</summary>
    public int ConflictCode { get; init; } = LeadExitCode.TimedOut;

    /// <summary>The program is asked to end this much before the deadline, so what is left of a lease must reach over one renewal that got lost.</summary>
    public TimeSpan EndTime => Grace + GuardRules.KillTime;

    /// <exception cref="ConclaveException">An option makes no sense; one line says which and what to do.</exception>
    public void Validate()
    {
        if (Command.IsEmpty)
            throw Wrong($"there is no command; write it after --, as in: conclave {(Kind == RunKind.Lead ? "lead billing/dialer -- ./dialer" : "lock nightly-report -- ./report")}");
        if (!(Ttl >= TimeSpan.FromSeconds(2) && Ttl <= TimeSpan.FromDays(1)))
            throw Wrong("--ttl takes seconds from 2 to 86400");
        if (Grace < TimeSpan.Zero)
            throw Wrong("--grace takes seconds, 0 or more");
        if (Encoding.UTF8.GetByteCount(Value) > ValueBytesMax)
            throw Wrong($"--value has at most {ValueBytesMax} bytes");
        if (ConflictCode is < 0 or > 255)
            throw Wrong("--conflict-exit-code takes a number from 0 to 255");
        if (Address.Backend.LeaseRoom(Ttl) < EndTime)
            throw Wrong(string.Create(CultureInfo.InvariantCulture,
                $"--grace {Grace.TotalSeconds:0.#} does not fit into --ttl {Ttl.TotalSeconds:0.#}: a program that is asked to end needs that time before the lease does; {Remedy()}"));
    }

    private string Remedy()
    {
        for (var ttl = 2; ttl <= 86_400; ttl++)
        {
            if (Address.Backend.LeaseRoom(TimeSpan.FromSeconds(ttl)) >= EndTime)
                return $"raise --ttl to {ttl} or lower --grace";
        }

        return "lower --grace";
    }

    private static ConclaveException Wrong(string problem) => new(problem, ExitCode.Usage);
}

using Conclave.Cli.Elections;
using Conclave.Orchestration.Processes;

namespace Conclave.Cli.Lead;

/// <summary>How <c>lead</c> and <c>lock</c> end, after <c>timeout(1)</c>: the program's own code, or one of these.</summary>
internal static class LeadExitCode
{
    /// <summary>The lock was not free in time, so the program was not run.</summary>
    public const int TimedOut = 124;

    /// <summary>Conclave itself failed: no endpoint answers, the backend refused, the lock was lost while the program ran.</summary>
    public const int OwnFailure = ElectionAddress.FailureExitCode;

    /// <summary>Asked to end (SIGINT, SIGTERM) while no program ran.</summary>
    public const int Interrupted = 130;

    /// <summary>The program was found and cannot be run.</summary>
    public const int NotExecutable = 126;

    /// <summary>There is no such program.</summary>
    public const int NotFound = 127;

    public static int Of(ProcessExit exit) => exit switch
    {
        ProcessExit.Code code => code.Value,
        ProcessExit.Signal signal => 128 + signal.Number,
        _ => OwnFailure,
    };

    public static int Of(ProcessStartException failed) => failed.Failure switch
    {
        ProcessStartFailure.CommandNotFound => NotFound,
        ProcessStartFailure.NotExecutable => NotExecutable,
        _ => OwnFailure,
    };
}

namespace Conclave.Orchestration;

/// <summary>The exit codes of the program, for scripts.</summary>
public static class ExitCode
{
    /// <summary>Done; for <c>status</c>: healthy.</summary>
    public const int Ok = 0;

    /// <summary>It was tried and failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line or the YAML file is wrong; nothing was done.</summary>
    public const int Usage = 2;

    /// <summary>There is no running cluster to talk to.</summary>
    public const int NotRunning = 3;

    /// <summary>The cluster runs and is not healthy.</summary>
    public const int Degraded = 4;
}

/// <summary>A failure that a person can act on. The program prints the message as one line, without a stack trace.</summary>
/// <param name="message">What is wrong, then <c>; </c> and what to do about it. No prefix, no full stop.</param>
/// <param name="exitCode">One of <see cref="ExitCode"/>.</param>
/// <param name="inner">What was caught, if anything.</param>
public class ConclaveException(string message, int exitCode = ExitCode.Failed, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What the program ends with.</summary>
    public int ExitCode { get; } = exitCode;
}

namespace Conclave.Orchestration.Processes;

/// <summary>Why a process could not be started.</summary>
public enum ProcessStartFailure
{
    /// <summary>No such program, in the PATH of the child or at the path given.</summary>
    CommandNotFound,

    /// <summary>There is a file, but it may not be executed or is not a program.</summary>
    NotExecutable,

    /// <summary>The working directory is absent, no directory, or closed to us.</summary>
    BadDirectory,

    /// <summary>The log file cannot be opened for appending.</summary>
    LogNotWritable,

    /// <summary>The specification itself is wrong: an empty command, a NUL character, a descriptor that is not open.</summary>
    BadSpec,

    /// <summary>The kernel refused for want of processes, memory or descriptors; may succeed later.</summary>
    NoResources,
}

/// <summary>A process that could not be started. The message is one line that names what is wrong and what to do; nothing was started.</summary>
public sealed class ProcessStartException : ConclaveException
{
    /// <param name="failure">For code that reacts.</param>
    /// <param name="message">For people: what is wrong; what to do.</param>
    /// <param name="inner">What was caught, if anything.</param>
    public ProcessStartException(ProcessStartFailure failure, string message, Exception? inner = null)
        : base(message, Orchestration.ExitCode.Failed, inner) => Failure = failure;

    /// <summary>For code that reacts; the message is for people.</summary>
    public ProcessStartFailure Failure { get; }
}

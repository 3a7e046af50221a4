namespace Conclave.Orchestration.Processes;

/// <summary>What to start: a program, never a shell line.</summary>
public sealed record ProcessSpec
{
    /// <summary>A path (relative ones against <see cref="Directory"/>), or a bare name looked up in the child's own PATH.</summary>
    public required string FileName { get; init; }

    /// <summary>Without the program itself; handed over as they are, no shell expands them.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Working directory of the child. Default: ours.</summary>
    public string? Directory { get; init; }

    /// <summary>Variables to set; a null value removes one that would be inherited.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>(StringComparer.Ordinal);

    /// <summary>True (default): <see cref="Environment"/> adds to our own environment. False: it is the whole environment.</summary>
    public bool InheritEnvironment { get; init; } = true;

    /// <summary>
    /// The file to which standard output and standard error are appended by the child itself. No pipe lies between, so the death of the starter
    /// costs no line and sends no SIGPIPE. Created with mode 0640 if absent. Null: both go to /dev/null.
    /// </summary>
    public string? LogFile { get; init; }

    /// <summary>
    /// True: the child has our standard input, output and error, so <see cref="LogFile"/> has no say. In a session of its own it still has no controlling terminal. Default false.
    /// </summary>
    public bool InheritStandardStreams { get; init; }

    /// <summary>Descriptors that the child gets besides 0, 1 and 2. All others are closed in the child.</summary>
    public IReadOnlyList<InheritedDescriptor> InheritedDescriptors { get; init; } = [];

    /// <summary>
    /// True (default): the child leads a session and a process group of its own, so a Ctrl-C at our terminal or our end does not reach it, and what
    /// it leaves behind can be ended with it.
    /// </summary>
    public bool NewSession { get; init; } = true;
}

/// <summary>A descriptor of ours that the child gets too.</summary>
/// <param name="Ours">The descriptor in this process; stays open here and need not be inheritable.</param>
/// <param name="InChild">Its number in the child, 3 to 255.</param>
public readonly record struct InheritedDescriptor(int Ours, int InChild);

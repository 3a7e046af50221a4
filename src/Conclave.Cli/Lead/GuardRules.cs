namespace Conclave.Cli.Lead;

/// <summary>What the guard does to the program now. A closed set.</summary>
internal enum GuardAction
{
    /// <summary>Nothing: it may work.</summary>
    Leave,

    /// <summary>Ask it to end.</summary>
    Ask,

    /// <summary>Kill it and all that it started in its group.</summary>
    Kill,
}

/// <summary>
/// When a program that may run only while its elector leads has to end. Pure: time comes in.
/// <code>
///   heard from the elector            ask                       kill        deadline
///    |------------ may work ----------|-------- grace ----------|-- KillTime --|
/// </code>
/// The deadline is when the leadership is over on our own clock, which is before anybody else can lead. By then the program must be dead, so asking and killing come before it.
/// A closed pipe (the elector is gone and nobody renews) and a request to stop ask at once; neither ever moves the kill behind the deadline.
/// </summary>
/// <param name="grace">How long the program may take to end by itself.</param>
/// <param name="deadline">Of the leadership as it was won.</param>
internal sealed class GuardRules(TimeSpan grace, Instant deadline)
{
    /// <summary>Between the kill and the deadline, for the kernel to take the processes apart.</summary>
    public static readonly TimeSpan KillTime = TimeSpan.FromMilliseconds(200);

    private Instant? _killAt;

    /// <summary>The last one heard.</summary>
    public Instant Deadline { get; private set; } = deadline;

    /// <summary>Whether the program was asked to end, or is about to be.</summary>
    public bool IsEnding => _killAt is not null;

    /// <summary>When to look again.</summary>
    public Instant NextLook => _killAt ?? Deadline - (KillTime + grace);

    /// <summary>The elector has renewed. A program that was asked to end goes on ending: it has been told so.</summary>
    public void Renewed(Instant deadline)
    {
        if (deadline > Deadline && !IsEnding)
            Deadline = deadline;
    }

    /// <summary>The elector wants it to end, or is gone.</summary>
    public GuardAction Stop(Instant now) => IsEnding ? Look(now) : Ask(now);

    /// <summary>Time has passed.</summary>
    public GuardAction Look(Instant now) => _killAt switch
    {
        { } at when now >= at => GuardAction.Kill,
        { } => GuardAction.Leave,
        null when now >= NextLook => Ask(now),
        null => GuardAction.Leave,
    };

    private GuardAction Ask(Instant now)
    {
        var (patient, latest) = (now + grace, Deadline - KillTime);
        _killAt = patient < latest ? patient : latest;
        return now >= _killAt ? GuardAction.Kill : GuardAction.Ask;
    }
}

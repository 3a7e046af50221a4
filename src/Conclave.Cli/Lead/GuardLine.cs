using System.Globalization;

namespace Conclave.Cli.Lead;

/// <summary>
/// One line between elector and guard, over a pipe in each direction. Instants are readings of <see cref="BootTime"/>, which is one clock for all processes of a host. A closed set.
/// </summary>
internal abstract record GuardLine
{
    private GuardLine()
    {
    }

    /// <summary>To the guard: the leadership is held until then. Repeated, also unchanged: who does not answer has stalled.</summary>
    public sealed record Until(Instant Deadline) : GuardLine;

    /// <summary>To the guard: end the program.</summary>
    public sealed record Stop : GuardLine;

    /// <summary>From the guard: this deadline counts from now on.</summary>
    public sealed record Heard(Instant Deadline) : GuardLine;

    /// <summary>From the guard: the program runs, and is this process.</summary>
    public sealed record Started(int Pid) : GuardLine;

    /// <summary>From the guard: the program cannot be started; the code is the one to exit with.</summary>
    public sealed record Failed(int Code, string Why) : GuardLine;

    /// <summary>From the guard: the program has ended, with this exit code, or 128 and the number of the signal.</summary>
    public sealed record Ended(int Code) : GuardLine;

    public string Text() => this switch
    {
        Until until => string.Create(CultureInfo.InvariantCulture, $"until {until.Deadline.SinceZero.Ticks}"),
        Stop => "stop",
        Heard heard => string.Create(CultureInfo.InvariantCulture, $"heard {heard.Deadline.SinceZero.Ticks}"),
        Started started => string.Create(CultureInfo.InvariantCulture, $"started {started.Pid}"),
        Failed failed => string.Create(CultureInfo.InvariantCulture, $"failed {failed.Code} {failed.Why.ReplaceLineEndings(" ")}"),
        Ended ended => string.Create(CultureInfo.InvariantCulture, $"ended {ended.Code}"),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <exception cref="FormatException">It is none: both ends are this program, so that is a bug.</exception>
    public static GuardLine Parse(string text) => text.Split(' ', 3) switch
    {
        ["until", var at] => new Until(At(at)),
        ["stop"] => new Stop(),
        ["heard", var at] => new Heard(At(at)),
        ["started", var pid] => new Started(int.Parse(pid, CultureInfo.InvariantCulture)),
        ["failed", var code, var why] => new Failed(int.Parse(code, CultureInfo.InvariantCulture), why),
        ["ended", var code] => new Ended(int.Parse(code, CultureInfo.InvariantCulture)),
        _ => throw new FormatException($"'{text}' means nothing between elector and guard"),
    };

    private static Instant At(string ticks) => new(TimeSpan.FromTicks(long.Parse(ticks, CultureInfo.InvariantCulture)));
}

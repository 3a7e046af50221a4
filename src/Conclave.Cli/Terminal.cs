using Spectre.Console;

namespace Conclave.Cli;

/// <summary>Where the commands write. Tests give two string writers; the process gives its own streams.</summary>
/// <param name="IsInteractive">Whether a person looks at <paramref name="Out"/>: decides between a live view and lines.</param>
/// <param name="WorkingDirectory">Absolute; what relative paths on the command line mean.</param>
internal sealed record Terminal(TextWriter Out, TextWriter Error, bool IsInteractive, string WorkingDirectory)
{
    /// <summary>Made on first use: the terminal library costs start-up time that most commands do not need.</summary>
    public IAnsiConsole Console => field ??= AnsiConsole.Create(new AnsiConsoleSettings
    {
        Ansi = IsInteractive ? AnsiSupport.Detect : AnsiSupport.No,
        ColorSystem = IsInteractive ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        Interactive = IsInteractive ? InteractionSupport.Detect : InteractionSupport.No,
        Out = IsInteractive ? new AnsiConsoleOutput(Out) : new FixedWidthOutput(Out),
    });

    public static Terminal OfProcess() =>
        new(System.Console.Out, System.Console.Error, !System.Console.IsOutputRedirected, Environment.CurrentDirectory);

    /// <summary>The one form in which every failure is reported.</summary>
    public void Fail(string message) => Error.WriteLine($"conclave: {message}");

    // Output that goes to a file or a pipe is not wrapped at 80 columns.
    private sealed class FixedWidthOutput(TextWriter writer) : IAnsiConsoleOutput
    {
        public TextWriter Writer => writer;

        public bool IsTerminal => false;

        public int Width => 240;

        public int Height => 50;

        public void SetEncoding(System.Text.Encoding encoding)
        {
        }
    }
}

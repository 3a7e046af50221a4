using System.Diagnostics;
using System.Text;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>What a command said and how it ended.</summary>
internal sealed record Ended(int Code, string Out, string Error)
{
    /// <summary>The lines that a person gets as the reason of a failure.</summary>
    public IReadOnlyList<string> Complaints => Lines("conclave: ") is { Count: > 0 } own ? own : Lines("conclave.yaml:");

    private List<string> Lines(string prefix) => [.. Error.Split('\n').Where(l => l.StartsWith(prefix, StringComparison.Ordinal))];

    public override string ToString() => $"exit code {Code}\nout: {Out}\nerror: {Error}";
}

/// <summary>The built program, as a person starts it.</summary>
internal static class ConclaveProgram
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);

    /// <summary>Beside the tests' own output: the program of the same configuration.</summary>
    public static string Path { get; } = Located();

    public static string SampleDirectory => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path)!, "samples", "web");

    public static ProcessStartInfo Command(string directory, params IEnumerable<string> arguments)
    {
        // Who runs the tests in the background may have Ctrl-C ignored, and programs inherit that. env becomes the program: the pid is the program's.
        var start = new ProcessStartInfo("env", ["--default-signal=INT", Path])
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        return start;
    }

    /// <summary>Runs a command to its end.</summary>
    public static async Task<Ended> RunAsync(string directory, params IEnumerable<string> arguments)
    {
        using var process = Process.Start(Command(directory, arguments))!;
        process.StandardInput.Close();
        var output = ReadAsync(process.StandardOutput);
        var error = ReadAsync(process.StandardError);
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw new TimeoutException($"'conclave {string.Join(' ', arguments)}' did not end within {Patience.TotalSeconds} s: {await output}{await error}");
        }

        return new Ended(process.ExitCode, await output, await error);
    }

    /// <summary>All that a process says, until it ends; each line also as it comes.</summary>
    public static async Task<string> ReadAsync(StreamReader reader, Action<string>? line = null)
    {
        var text = new StringBuilder();
        while (await reader.ReadLineAsync() is { } next)
        {
            text.Append(next).Append('\n');
            line?.Invoke(next);
        }

        return text.ToString();
    }

    private static string Located()
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory); // bin/Conclave.Cli.Tests/debug/
        var path = System.IO.Path.Combine(own.Parent!.Parent!.FullName, "Conclave.Cli", own.Name, "Conclave.Cli");
        return File.Exists(path) ? path : throw new FileNotFoundException("Build the program first: it is what these tests run.", path);
    }
}

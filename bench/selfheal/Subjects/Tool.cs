using System.Diagnostics;
using Conclave.Bench.SelfHeal.Host;

namespace Conclave.Bench.SelfHeal.Subjects;

/// <summary>A program that is run to its end, or started to be killed later.</summary>
internal static class Tool
{
    /// <summary>Runs it and returns what it printed.</summary>
    /// <exception cref="InvalidOperationException">It failed; says how.</exception>
    public static async Task<string> RunAsync(string program, string directory, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode is 0 or 4
            ? output
            : throw new InvalidOperationException($"{Path.GetFileName(program)} {string.Join(' ', arguments)} ended with {process.ExitCode}: {output}{await errors}");
    }

    /// <summary>Starts it in the background; what it prints goes nowhere.</summary>
    public static Process Start(string program, string directory, params string[] arguments)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >>bench.log 2>&1 </dev/null", "sh", program, .. arguments]) { WorkingDirectory = directory };
        return Process.Start(start)!;
    }

    /// <summary>Ends a process that <see cref="Start"/> began, by its number.</summary>
    public static async Task EndAsync(Process process, int signal = Kernel.SigKill)
    {
        if (!process.HasExited)
        {
            Kernel.Signal(process.Id, signal);
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            try
            {
                await process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill();
            }
        }

        process.Dispose();
    }
}

using System.Diagnostics;
using Conclave.Store;

namespace Conclave.Runtime.Tests.Disk;

/// <summary>The kernel is made to fail one fdatasync of a real member (strace injects the error) and behaves from then on as if nothing had been, as a real one does.</summary>
public sealed class FailingFlushTests
{
    [StraceFact]
    public async Task A_failed_flush_stops_the_member_and_loses_nothing_acknowledged()
    {
        var directory = Directory.CreateTempSubdirectory("cvflush").FullName;
        try
        {
            var (exitCode, output) = await RunAsync("fdatasync:error=EIO:when=25", directory);
            var acknowledged = output.Where(l => l.StartsWith("acknowledged ", StringComparison.Ordinal)).Select(l => int.Parse(l.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)).ToArray();
            Assert.Equal(FlushHost.DiskFailedExitCode, exitCode);
            Assert.Contains(output, l => l.StartsWith("disk failed: fdatasync ", StringComparison.Ordinal) && l.EndsWith("Input/output error (errno 5)", StringComparison.Ordinal));
            Assert.InRange(acknowledged.Length, 5, 24);

            await using var member = await LocalMember.StartAsync(FlushHost.Options(directory));
            var count = await member.ReadAsync(linearizable: true, applier => FlushHost.Count(applier));
            Assert.InRange(count, acknowledged.Length, acknowledged.Length + 1);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    [StraceFact]
    public async Task Without_an_injected_error_the_same_host_goes_on()
    {
        var directory = Directory.CreateTempSubdirectory("cvflush").FullName;
        try
        {
            var (exitCode, output) = await RunAsync("fdatasync:delay_enter=1:when=1", directory);
            Assert.Equal(0, exitCode);
            Assert.Contains($"acknowledged {FlushHost.Writes}", output);
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static async Task<(int ExitCode, string[] Output)> RunAsync(string injection, string directory)
    {
        var start = new ProcessStartInfo("strace") { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", $"inject={injection}", Environment.ProcessPath is { } host && Path.GetFileName(host) == "dotnet" ? host : "dotnet", "exec", typeof(FlushHost).Assembly.Location, FlushHost.Argument, directory];
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            var errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return (process.ExitCode, [.. (await output).Split('\n'), .. (await errors).Split('\n')]);
        }
        finally
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}

/// <summary>Skips where there is no strace.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class StraceFactAttribute : FactAttribute
{
    public StraceFactAttribute()
    {
        if (!File.Exists("/usr/bin/strace"))
            Skip = "strace is not installed (apt-get install strace)";
    }
}

using System.Diagnostics;

namespace Conclave.Server.Tests;

/// <summary>Debian's etcdctl, as a person would use it.</summary>
internal static class Etcdctl
{
    public static async Task<string> RunAsync(string endpoints, string? input, params string[] arguments)
    {
        var (code, output, errors) = await TryAsync(endpoints, input, arguments);
        Assert.True(code == 0, $"etcdctl {string.Join(' ', arguments)} ended with {code}: {errors}");
        return output;
    }

    public static async Task<(int Code, string Output, string Errors)> TryAsync(string endpoints, string? input, params string[] arguments)
    {
        using var process = Start(endpoints, arguments);
        if (input is not null) await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        using var deadline = new CancellationTokenSource(TestCluster.Deadline);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill();
            throw;
        }

        return (process.ExitCode, await output, await errors);
    }

    public static Process Start(string endpoints, params string[] arguments)
    {
        var start = new ProcessStartInfo("etcdctl") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["ETCDCTL_API"] = "3";
        start.ArgumentList.Add($"--endpoints={endpoints}");
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }
}

using System.Diagnostics;

namespace Conclave.Bench.Gateway;

/// <summary>This program in another role.</summary>
internal sealed class Child : IDisposable
{
    private readonly Process _process;

    private Child(Process process, string port)
    {
        _process = process;
        Port = port;
    }

    public string Port { get; }

    /// <summary>Of all processors since the process started.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    public static Child Start(params string[] role)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, role) { RedirectStandardInput = true, RedirectStandardOutput = true };
        var process = Process.Start(start)!;
        return new Child(process, process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"{role[0]} did not start."));
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(10))) _process.Kill();
        _process.Dispose();
    }
}

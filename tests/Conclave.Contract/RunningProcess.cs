using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Conclave.Contract;

/// <summary>A process of the test's own, with its output by line; killed at the latest when the test ends.</summary>
public sealed class RunningProcess : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly List<string> _lines = [];
    private TaskCompletionSource _lineCame = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RunningProcess(string program, string[] arguments, string directory, IReadOnlyDictionary<string, string>? environment = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["ETCDCTL_API"] = "3" },
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Took(line.Data);
        _process.ErrorDataReceived += (_, line) => Took(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public bool HasExited => _process.HasExited;

    public int ExitCode => _process.ExitCode;

    public static async Task<string> OutputOfAsync(string program, string[] arguments, string directory)
    {
        using var process = new RunningProcess(program, arguments, directory);
        await process.ExitAsync();
        Assert.Equal(0, process._process.ExitCode);
        return process.Output;
    }

    public string Output
    {
        get
        {
            lock (_lines)
                return string.Join('\n', _lines);
        }
    }

    /// <summary>The first line that starts so, now or later.</summary>
    public async Task<string> LineAsync(string start)
    {
        using var late = new CancellationTokenSource(Deadline);
        while (true)
        {
            Task next;
            lock (_lines)
            {
                if (_lines.FirstOrDefault(line => line.StartsWith(start, StringComparison.Ordinal)) is { } line)
                    return line;
                next = _lineCame.Task;
            }

            try
            {
                await next.WaitAsync(late.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"'{start}' did not come; the process said:\n{Output}");
            }
        }
    }

    /// <summary>After <see cref="Conclave.Contract.Signal.Stop"/> no thread of it runs any more: the kernel stops them one by one, and one of several may answer a request meanwhile.</summary>
    public void Signal(Signal signal)
    {
        Assert.Equal(0, Kill(_process.Id, (int)signal));
        if (signal is Conclave.Contract.Signal.Stop)
            Assert.True(SpinWait.SpinUntil(() => ThreadStates().All(state => state is 'T'), Deadline), "it does not stop");
    }

    public async Task ExitAsync()
    {
        using var late = new CancellationTokenSource(Deadline);
        await _process.WaitForExitAsync(late.Token);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }

    private IEnumerable<char> ThreadStates() =>
        Directory.EnumerateDirectories($"/proc/{_process.Id}/task").Select(thread => File.ReadAllText(Path.Combine(thread, "stat"))).Select(stat => stat[stat.LastIndexOf(')') + 2]);

    private void Took(string? line)
    {
        if (line is null)
            return;
        TaskCompletionSource came;
        lock (_lines)
        {
            _lines.Add(line);
            (came, _lineCame) = (_lineCame, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        came.SetResult();
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);
}

public enum Signal
{
    Interrupt = 2,
    Kill = 9,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}

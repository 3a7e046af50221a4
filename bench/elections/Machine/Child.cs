using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;

namespace Conclave.Bench.Elections.Machine;

/// <summary>A process of this run. Its lines are read by a thread of their own, so that their times are those of their arrival. Killed at the latest when the run ends.</summary>
internal sealed class Child : IDisposable
{
    private static readonly ConcurrentDictionary<Child, bool> Alive = new();
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan LongestLeave = TimeSpan.FromSeconds(3);

    private readonly Process _process;
    private readonly string _name;
    private readonly Channel<(string Text, long Ns)> _lines = Channel.CreateUnbounded<(string, long)>();
    private readonly ConcurrentQueue<string> _said = new();

    private Child(string name, ProcessStartInfo start)
    {
        _name = name;
        (start.RedirectStandardInput, start.RedirectStandardOutput, start.RedirectStandardError) = (true, true, true);
        _process = Process.Start(start) ?? throw new InvalidOperationException($"{start.FileName} did not start.");
        Alive[this] = true;
        new Thread(ReadOutput) { IsBackground = true, Name = name }.Start();
        _process.ErrorDataReceived += (_, line) => Keep(line.Data);
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>The end of what it said, for a message about its failure.</summary>
    public string Said => string.Join('\n', _said);

    public static Child Start(string name, string program, IEnumerable<string> arguments, string directory, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = directory };
        foreach (var (variable, value) in environment)
            start.Environment[variable] = value;
        return new Child(name, start);
    }

    /// <summary>This program in another role.</summary>
    public static Child StartSelf(string name, IEnumerable<string> role) => Start(name, Environment.ProcessPath!, role, Environment.CurrentDirectory);

    /// <summary>Runs a program to its end.</summary>
    public static async Task RunAsync(string program, IEnumerable<string> arguments, string directory, params (string Name, string Value)[] environment)
    {
        using var child = Start(program, program, arguments, directory, environment);
        await child._process.WaitForExitAsync();
        if (child._process.ExitCode != 0)
            throw new InvalidOperationException($"{program} ended with {child._process.ExitCode}:\n{child.Said}");
    }

    /// <summary>For the end of a run that was broken off.</summary>
    public static void KillAll()
    {
        foreach (var child in Alive.Keys)
            child.Dispose();
    }

    public void Tell(string line)
    {
        _process.StandardInput.WriteLine(line);
        _process.StandardInput.Flush();
    }

    /// <summary>The rest of the next line that starts so, and when it came; lines before it are passed over.</summary>
    public async Task<(string[] Words, long Ns)> HearAsync(string word)
    {
        using var late = new CancellationTokenSource(Deadline);
        try
        {
            await foreach (var (text, ns) in _lines.Reader.ReadAllAsync(late.Token))
            {
                if (text == word || text.StartsWith(word + " ", StringComparison.Ordinal))
                    return (text.Split(' ')[1..], ns);
            }
        }
        catch (OperationCanceledException)
        {
            throw new InvalidOperationException($"{_name} did not say '{word}'. It said:\n{Said}");
        }

        throw new InvalidOperationException($"{_name} ended before it said '{word}'. It said:\n{Said}");
    }

    /// <summary>The moment that a line names as its first word.</summary>
    public static long Ns(string[] words) => long.Parse(words[0], CultureInfo.InvariantCulture);

    public long Kill()
    {
        var ns = Clock.Ns;
        Kernel.Signal(Id, Kernel.SigKill);
        return ns;
    }

    /// <summary>Tells it by the end of its input to close its session and go; kills it when it does not.</summary>
    public async Task LeaveAsync()
    {
        _process.StandardInput.Close();
        await Task.WhenAny(_process.WaitForExitAsync(), Task.Delay(LongestLeave));
        Dispose();
    }

    public async Task EndedAsync() => await _process.WaitForExitAsync();

    public void Dispose()
    {
        if (!Alive.TryRemove(this, out _))
            return;
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private void ReadOutput()
    {
        try
        {
            while (_process.StandardOutput.ReadLine() is { } line)
            {
                _lines.Writer.TryWrite((line, Clock.Ns));
                Keep(line);
            }
        }
        catch (Exception closed) when (closed is ObjectDisposedException or IOException or InvalidOperationException)
        {
            // The process is disposed, its pipe with it.
        }

        _lines.Writer.TryComplete();
    }

    private void Keep(string? line)
    {
        if (line is null)
            return;
        _said.Enqueue(line);
        if (_said.Count > 50)
            _said.TryDequeue(out _);
    }
}

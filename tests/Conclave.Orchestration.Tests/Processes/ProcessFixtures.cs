using System.Diagnostics;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;

namespace Conclave.Orchestration.Tests.Processes;

/// <summary>Tests that measure time or keep a pace; beside others they would measure the thread pool of the test host.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Unhurried
{
    public const string Name = "unhurried";
}

/// <summary>A directory that is gone after the test, and short ways to start real programs in it.</summary>
public abstract class ProcessFixtures : IDisposable
{
    protected static readonly TimeSpan Deadline = TimeSpan.FromSeconds(20);
    private readonly List<SupervisedProcess> _started = [];

    protected string Folder { get; } = Directory.CreateTempSubdirectory("conclave-proc-").FullName;

    protected string LogFile => Path.Combine(Folder, "out.log");

    public virtual void Dispose()
    {
        foreach (var process in _started)
        {
            process.SignalGroup(Signal.Kill);
            process.Dispose();
        }

        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected ProcessSpec Shell(string script) => new() { FileName = "/bin/sh", Arguments = ["-c", script], Directory = Folder, LogFile = LogFile };

    protected ProcessSpec Python(string script) => new() { FileName = "/usr/bin/python3", Arguments = ["-c", script], Directory = Folder, LogFile = LogFile };

    protected SupervisedProcess Start(ProcessSpec spec) => Keep(ProcessSpawner.Spawn(spec));

    protected SupervisedProcess Keep(SupervisedProcess process)
    {
        _started.Add(process);
        return process;
    }

    protected static Task<ProcessExit> EndOf(SupervisedProcess process) => process.Exited.WaitAsync(Deadline);

    protected async Task<string> OutputOf(ProcessSpec spec)
    {
        await EndOf(Start(spec));
        return (await File.ReadAllTextAsync(LogFile)).TrimEnd();
    }

    protected static async Task Until(Func<bool> condition, string what)
    {
        var since = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(since.Elapsed < Deadline, "waited in vain until " + what);
            await Task.Delay(2);
        }
    }

    protected Task<int> PidFromLog() => PidFrom(LogFile);

    protected static async Task<int> PidFrom(string file)
    {
        var pid = 0;
        await Until(() => File.Exists(file) && File.ReadAllText(file) is var text && text.Contains('\n', StringComparison.Ordinal) && int.TryParse(text.Split('\n')[0], out pid), "a pid stands in the log");
        return pid;
    }
}

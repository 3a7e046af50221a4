using Conclave.Orchestration;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Processes;

namespace Conclave.Cli.Demo;

/// <summary>One process of the demo.</summary>
internal sealed record DemoProcess(string Name, string LogFile, SupervisedProcess Process)
{
    /// <summary>Its end is part of the story.</summary>
    public bool MayEnd { get; set; }
}

/// <summary>All processes that the demo started; disposing ends them, and no others. Not thread-safe.</summary>
internal sealed class DemoProcesses : IAsyncDisposable
{
    private const int LogLines = 5;

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    // All talk to this host only.
    private static readonly Dictionary<string, string?> NoProxy = new(StringComparer.Ordinal)
    {
        ["http_proxy"] = null,
        ["HTTP_PROXY"] = null,
        ["all_proxy"] = null,
        ["ALL_PROXY"] = null,
    };

    private readonly List<DemoProcess> _all = [];

    /// <summary>Starts the sample <c>samples/DoubleDialer</c>, which the build puts beside this program.</summary>
    public DemoProcess StartSample(string name, string directory, params IEnumerable<string> arguments)
    {
        var sample = Path.Combine(AppContext.BaseDirectory, "samples", "dialer", "Conclave.Samples.DoubleDialer.dll");
        if (!File.Exists(sample))
            throw new ConclaveException($"the sample is not beside the program at {sample}; build with ./conclave");
        return Start(name, directory, "dotnet", [sample, .. arguments]);
    }

    /// <summary>Starts this program in another role.</summary>
    public DemoProcess StartSelf(string name, string directory, params IEnumerable<string> arguments) =>
        Start(name, directory, ThisProgram.File, [.. ThisProgram.Prefix, .. arguments]);

    /// <exception cref="ConclaveException">One has ended that should not.</exception>
    public async Task RequireAliveAsync()
    {
        foreach (var one in _all.Where(one => !one.MayEnd && one.Process.Exited.IsCompleted))
            throw new ConclaveException($"{one.Name} {await one.Process.Exited}: {LastLines(one.LogFile)}");
    }

    /// <summary>Asks them to end, and waits until they have.</summary>
    public static async Task StopAsync(IReadOnlyCollection<DemoProcess> processes, CancellationToken stopping)
    {
        foreach (var one in processes)
            one.MayEnd = true;
        await Task.WhenAll(processes.Select(one => one.Process.StopAsync(Signal.Term, Grace, stopping)));
    }

    /// <summary>Kills what still runs, stopped or not, and returns when it was seen dead.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var one in _all)
            one.Process.SignalGroup(Signal.Kill);
        foreach (var one in _all)
        {
            await one.Process.Exited;
            one.Process.Dispose();
        }
    }

    private DemoProcess Start(string name, string directory, string program, IReadOnlyList<string> arguments)
    {
        var log = Path.Combine(directory, name + ".log");
        var environment = new Dictionary<string, string?>(NoProxy, StringComparer.Ordinal) { ["POD_NAME"] = name };
        var process = ProcessSpawner.Spawn(new ProcessSpec { FileName = program, Arguments = arguments, Directory = directory, Environment = environment, LogFile = log });
        var started = new DemoProcess(name, log, process);
        _all.Add(started);
        return started;
    }

    private static string LastLines(string log)
    {
        var said = File.ReadLines(log).Where(line => line.Trim().Length > 0).TakeLast(LogLines).ToList();
        return said.Count == 0 ? "it said nothing" : string.Join(" | ", said);
    }
}

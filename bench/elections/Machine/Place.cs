using System.Runtime.InteropServices;

namespace Conclave.Bench.Elections.Machine;

/// <summary>Where things are: the repository's own program, built programs beside this one, and a temporary directory for all data of the run.</summary>
internal sealed class Place : IDisposable
{
    private readonly Lazy<Task<string>> _conclave = new(BuildAsync);

    public string Temporary { get; } = Directory.CreateTempSubdirectory("conclave-bench-elections-").FullName;

    /// <summary>The dotnet that runs us.</summary>
    public static string Dotnet { get; } = Path.GetFullPath(Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", "dotnet"));

    /// <summary>What was built with this program, in the same configuration.</summary>
    public static string Built(string project)
    {
        var own = new DirectoryInfo(AppContext.BaseDirectory.TrimEnd('/')); // bin/Conclave.Bench.Elections/release
        var path = Path.Combine(own.Parent!.Parent!.FullName, project, own.Name, project + ".dll");
        return File.Exists(path) ? path : throw new FileNotFoundException($"Build {project} in the same configuration first.", path);
    }

    /// <summary>The program as a user gets it; its script builds it when its sources have changed.</summary>
    public Task<string> ConclaveAsync() => _conclave.Value;

    public string New(string name) => Directory.CreateDirectory(Path.Combine(Temporary, name)).FullName;

    public void Dispose()
    {
        Child.KillAll();
        Directory.Delete(Temporary, recursive: true);
    }

    private static async Task<string> BuildAsync()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var script = Path.Combine(directory.FullName, "conclave");
            if (!File.Exists(script))
                continue;
            await Child.RunAsync(script, ["--version"], directory.FullName);
            return script;
        }

        throw new InvalidOperationException("There is no ./conclave above this program.");
    }
}

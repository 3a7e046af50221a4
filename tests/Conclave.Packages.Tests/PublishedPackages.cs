using System.Diagnostics;

namespace Conclave.Packages.Tests;

/// <summary>What <c>./publish --packages</c> makes of a clone of this work tree that has a remote, once for all tests.</summary>
public sealed class PublishedPackages : IAsyncLifetime
{
    public const string Repository = "https://github.com/example/conclave";

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("conclave-packages-");

    /// <summary>A version of its own, so that no cache holds packages of that version from an earlier run.</summary>
    public string Version { get; } = $"0.0.0-test.{DateTime.UtcNow.Ticks}";

    public string Source => Path.Combine(_directory.FullName, "source");

    public string Output => Path.Combine(_directory.FullName, "packages");

    public IEnumerable<string> Files => Directory.EnumerateFiles(Output).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal);

    public string NewDirectory(string name) => _directory.CreateSubdirectory(name).FullName;

    public async Task InitializeAsync()
    {
        var root = Root();
        var listed = await RunAsync(root, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard");
        foreach (var path in listed.Split('\0', StringSplitOptions.RemoveEmptyEntries).Where(path => File.Exists(Path.Combine(root, path))).Distinct(StringComparer.Ordinal))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(Source, path))!);
            File.Copy(Path.Combine(root, path), Path.Combine(Source, path));
        }

        await RunAsync(Source, "git", "init", "-q");
        await RunAsync(Source, "git", "remote", "add", "origin", Repository + ".git");
        await RunAsync(Source, "git", "add", "-A");
        await RunAsync(Source, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false", "commit", "-qm", "as it is");
        await RunAsync(Source, "./publish", "--packages", "--version", Version, "--output", Output);
    }

    public Task DisposeAsync()
    {
        _directory.Delete(recursive: true);
        return Task.CompletedTask;
    }

    /// <summary>What a program printed; it must succeed.</summary>
    public static async Task<string> RunAsync(string directory, string program, params string[] arguments)
    {
        var (code, output, error) = await TryAsync(directory, program, arguments);
        Assert.True(code == 0, $"{program} {string.Join(' ', arguments)} ended with {code}:\n{output}\n{error}");
        return output;
    }

    public static async Task<(int Code, string Out, string Error)> TryAsync(string directory, string program, params string[] arguments)
    {
        var file = program.StartsWith("./", StringComparison.Ordinal) ? Path.Combine(directory, program) : program;
        using var process = Process.Start(new ProcessStartInfo(file, arguments)
        {
            WorkingDirectory = directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["MSBUILDDISABLENODEREUSE"] = "1", ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1", ["DOTNET_NOLOGO"] = "1" },
        })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Conclave.slnx")))
            directory = directory.Parent ?? throw new InvalidOperationException("The tests run outside of the repository.");
        return directory.FullName;
    }
}

/// <summary>One publication for all classes.</summary>
[CollectionDefinition(nameof(PublishedPackages))]
public sealed class PublishedOnce : ICollectionFixture<PublishedPackages>;

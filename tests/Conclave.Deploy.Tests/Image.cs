namespace Conclave.Deploy.Tests;

/// <summary>
/// What the image would hold, made without a container: the build stage's own RUN lines, executed over the files that .dockerignore lets through. Made once for all tests; the next run builds on what
/// is there.
/// </summary>
public sealed class Image
{
    private readonly string _folder = Path.Combine(Tools.Root, "artifacts", "image");
    private readonly Lazy<Task> _built;

    public Image() => _built = new(BuildAsync);

    /// <summary>The program that a manifest's command names, found as in the image: by its PATH.</summary>
    internal async Task<string> ProgramAsync(string command)
    {
        await _built.Value; // once; where it failed, all who need it fail with its reason
        var path = Dockerfile.Ours.All("", "ENV").Single(variable => variable.StartsWith("PATH=", StringComparison.Ordinal))["PATH=".Length..];
        return path.Split(':').Where(folder => folder.StartsWith("/app/", StringComparison.Ordinal))
            .Select(folder => Path.Combine(_folder, "app", folder["/app/".Length..], command))
            .FirstOrDefault(File.Exists) ?? throw new FileNotFoundException($"There is no '{command}' in the image's PATH, {path}.");
    }

    private async Task BuildAsync()
    {
        Assert.Equal(["--from=build /out /app"], Dockerfile.Ours.All("", "COPY"));
        Assert.Equal([". ."], Dockerfile.Ours.All("build", "COPY"));
        var context = Path.Combine(_folder, "context");
        Mirror(await Dockerfile.ContextAsync(), context);
        if (Directory.Exists(Path.Combine(_folder, "app")))
            Directory.Delete(Path.Combine(_folder, "app"), recursive: true);
        foreach (var run in Dockerfile.Ours.All("build", "RUN"))
            (await Command.RunAsync("sh", ["-ec", run.Replace("/out/", _folder + "/app/", StringComparison.Ordinal)], folder: context, environment: OwnBuild)).Succeeded();
    }

    /// <summary>A build of its own: nothing of the MSBuild that runs this test, and no process that outlives it.</summary>
    private static Dictionary<string, string?> OwnBuild => new(Environment.GetEnvironmentVariables().Keys.Cast<string>()
        .Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase))
        .Select(name => KeyValuePair.Create<string, string?>(name, null)))
    {
        ["MSBUILDDISABLENODEREUSE"] = "1",
        ["UseSharedCompilation"] = "false",
        ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
        ["DOTNET_NOLOGO"] = "1",
    };

    /// <summary>Copies what is new or changed and removes what is gone, but leaves the build's own output.</summary>
    private static void Mirror(string[] files, string target)
    {
        Directory.CreateDirectory(target);
        var wanted = files.ToHashSet(StringComparer.Ordinal);
        foreach (var there in Directory.EnumerateFiles(target, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(target, file)).Where(file => !file.StartsWith("artifacts/", StringComparison.Ordinal)))
        {
            if (!wanted.Contains(there))
                File.Delete(Path.Combine(target, there));
        }

        foreach (var file in files)
        {
            var (from, to) = (new FileInfo(Path.Combine(Tools.Root, file)), new FileInfo(Path.Combine(target, file)));
            if (to.Exists && to.Length == from.Length && to.LastWriteTimeUtc == from.LastWriteTimeUtc)
                continue;
            to.Directory!.Create();
            from.CopyTo(to.FullName, overwrite: true);
        }
    }
}

/// <summary>Tests that share one image.</summary>
[CollectionDefinition(Name)]
public sealed class WithImage : ICollectionFixture<Image>
{
    public const string Name = "image";
}

using System.Diagnostics;

namespace Conclave.Tidy.Tests;

/// <summary>The files of the repository by path from its root, with forward slashes: what the rules judge. Bad samples are trees made by hand.</summary>
internal sealed class SourceTree(IReadOnlyDictionary<string, string> files)
{
    private static readonly string[] TextEndings =
        [".cs", ".csproj", ".props", ".targets", ".slnx", ".json", ".md", ".txt", ".yaml", ".yml", ".proto", ".sh", ".html", ".js", ".css", ".editorconfig", ".gitignore", ".py", ".go"];

    public SourceTree(params (string Path, string Text)[] files)
        : this(files.ToDictionary(file => file.Path, file => file.Text, StringComparer.Ordinal)) { }

    public IEnumerable<string> Paths => files.Keys.Order(StringComparer.Ordinal);

    public string this[string path] => files[path];

    public bool Has(string path) => files.ContainsKey(path);

    public bool HasDirectory(string path) => path.Length == 0 || files.Keys.Any(file => file.StartsWith(path + "/", StringComparison.Ordinal));

    public IEnumerable<string> Under(string directory, string ending) =>
        Paths.Where(path => path.StartsWith(directory, StringComparison.Ordinal) && path.EndsWith(ending, StringComparison.Ordinal));

    public static string Root { get; } = FindRoot();

    /// <summary>What git tracks or would track. Files without a text ending count, so that links to them resolve, with no text.</summary>
    public static SourceTree Load()
    {
        using var git = Process.Start(new ProcessStartInfo("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        {
            WorkingDirectory = Root,
            RedirectStandardOutput = true,
        })!;
        var listed = git.StandardOutput.ReadToEnd();
        git.WaitForExit();
        Assert.Equal(0, git.ExitCode);

        // A file removed from the work tree but not yet from the index is listed too.
        return new SourceTree(listed.Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Distinct(StringComparer.Ordinal)
            .Where(path => File.Exists(Path.Combine(Root, path)))
            .ToDictionary(path => path, Read, StringComparer.Ordinal));
    }

    private static string Read(string path)
    {
        var isText = TextEndings.Any(ending => path.EndsWith(ending, StringComparison.Ordinal)) || !Path.GetFileName(path).Contains('.', StringComparison.Ordinal);
        return isText ? File.ReadAllText(Path.Combine(Root, path)) : "";
    }

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Conclave.slnx")))
            directory = directory.Parent ?? throw new InvalidOperationException("The tests run outside of the repository.");
        return directory.FullName;
    }
}

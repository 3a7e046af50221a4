using System.Text.RegularExpressions;

namespace Conclave.Deploy.Tests;

/// <summary>The instructions of deploy/kubernetes/Dockerfile, and what .dockerignore leaves of the repository for it.</summary>
internal sealed class Dockerfile
{
    private readonly List<(string Stage, string Word, string Text)> _instructions = [];

    public Dockerfile(string text)
    {
        var stage = "";
        foreach (var line in text.ReplaceLineEndings("\n").Replace("\\\n", " ", StringComparison.Ordinal).Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0 && line[0] != '#'))
        {
            var (word, rest) = (line[..line.IndexOf(' ', StringComparison.Ordinal)], line[(line.IndexOf(' ', StringComparison.Ordinal) + 1)..].Trim());
            if (word == "FROM")
                stage = rest.Contains(" AS ", StringComparison.Ordinal) ? rest[(rest.IndexOf(" AS ", StringComparison.Ordinal) + 4)..] : "";
            _instructions.Add((stage, word, rest));
        }
    }

    public static Dockerfile Ours { get; } = new(File.ReadAllText(Path.Combine(Tools.Kubernetes, "Dockerfile")));

    /// <summary>The stage without a name is the last one, which becomes the image.</summary>
    public IEnumerable<string> All(string stage, string word) => _instructions.Where(each => each.Stage == stage && each.Word == word).Select(each => each.Text);

    /// <summary>The files of the build context, relative to the repository: what git knows, less what .dockerignore names. The last pattern that matches decides.</summary>
    public static async Task<string[]> ContextAsync()
    {
        var patterns = (await File.ReadAllLinesAsync(Path.Combine(Tools.Root, ".dockerignore"))).Where(line => line.Length > 0 && line[0] != '#')
            .Select(line => (Keeps: line[0] == '!', Pattern: AsRegex(line.TrimStart('!')))).ToList();
        var tracked = (await Command.RunAsync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"])).Succeeded();
        return [.. tracked.Split('\0', StringSplitOptions.RemoveEmptyEntries)
            .Where(path => File.Exists(Path.Combine(Tools.Root, path)))
            .Where(path => patterns.LastOrDefault(each => each.Pattern.IsMatch(path), (Keeps: true, Pattern: null!)).Keeps)];
    }

    /// <summary>A pattern covers a file, or a directory with all that is in it; <c>*</c> stays within one name, <c>**/</c> crosses directories.</summary>
    private static Regex AsRegex(string pattern) =>
        new($"^{Regex.Escape(pattern).Replace(@"\*\*/", "(.*/)?", StringComparison.Ordinal).Replace(@"\*", "[^/]*", StringComparison.Ordinal)}(/|$)");
}

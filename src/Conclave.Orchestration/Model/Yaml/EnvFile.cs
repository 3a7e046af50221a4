using System.Collections.Immutable;

namespace Conclave.Orchestration.Model.Yaml;

/// <summary>Reads <c>KEY=value</c> lines as Compose does: <c>#</c> comments, an optional <c>export</c>, values in single or double quotes.
/// Nothing is expanded.</summary>
internal static class EnvFile
{
    /// <param name="content">Of the file.</param>
    /// <param name="into">Takes the variables; a later one of the same name wins.</param>
    /// <returns>The first bad line and what is wrong with it, or null.</returns>
    public static (int Line, string What)? Read(string content, ImmutableSortedDictionary<string, string>.Builder into)
    {
        var number = 0;
        foreach (var raw in content.Split('\n'))
        {
            number++;
            var line = raw.Trim();
            if (line.Length == 0 || line[0] == '#')
                continue;
            if (line.StartsWith("export ", StringComparison.Ordinal))
                line = line[7..].TrimStart();
            var equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
                return (number, "no '=' after a name");
            var name = line[..equals].TrimEnd();
            if (!IsName(name))
                return (number, $"'{name}' is not a name of a variable");
            if (Value(line[(equals + 1)..].Trim()) is not { } value)
                return (number, $"the quote of {name} is not closed");
            into[name] = value;
        }

        return null;
    }

    public static bool IsName(string name) =>
        name.Length > 0 && !char.IsAsciiDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');

    private static string? Value(string text)
    {
        if (text.Length == 0 || text[0] is not ('"' or '\''))
        {
            var comment = text.IndexOf(" #", StringComparison.Ordinal);
            return comment < 0 ? text : text[..comment].TrimEnd();
        }

        var end = text.IndexOf(text[0], 1);
        return end < 0 ? null : text[1..end];
    }
}

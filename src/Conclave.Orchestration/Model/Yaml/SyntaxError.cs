using YamlDotNet.Core;

namespace Conclave.Orchestration.Model.Yaml;

/// <summary>Says in the reader's words what a YAML parser says in its own.</summary>
internal static class SyntaxError
{
    private static readonly string[] Placeholders = ["{port}", "{instance}", "{node}"];

    public static Problem Explain(YamlException e, string[] lines)
    {
        var line = Math.Clamp((int)e.Start.Line, 1, Math.Max(1, lines.Length));

        // A parser that meets a tab complains about where the last sound thing began.
        var tab = Array.FindIndex(lines, line - 1, text => text.TakeWhile(char.IsWhiteSpace).Contains('\t'));
        if (tab >= 0)
            return new Problem(tab + 1, "a tab indents this line", "YAML takes spaces only; replace the tab");

        // It often stumbles only on the line after the mistake.
        foreach (var candidate in (int[])[line, line - 1])
        {
            if (candidate < 1 || candidate > lines.Length)
                continue;
            var text = lines[candidate - 1];
            if (Placeholders.FirstOrDefault(placeholder => IsUnquoted(text, placeholder)) is { } found)
                return new Problem(candidate, $"{found} stands outside quotes", $"braces are YAML's own; put the whole text in quotes, such as \"http://127.0.0.1:{found}\"");
        }

        var message = e.InnerException?.Message ?? e.Message;
        return new Problem(line, $"not YAML: {Clean(message)}", Remedy(lines[line - 1]));
    }

    // "(Line: 3, Col: 1, Idx: 20) - (Line: ...): While parsing a block mapping, did not find expected key." keeps its last part.
    private static string Clean(string message)
    {
        var start = message.LastIndexOf("): ", StringComparison.Ordinal);
        message = (start < 0 ? message : message[(start + 3)..]).Trim().TrimEnd('.');
        return message.Length == 0 ? "unreadable" : char.ToLowerInvariant(message[0]) + message[1..];
    }

    private static string Remedy(string line)
    {
        if (line.Count(c => c == '"') % 2 == 1)
            return "a double quote is not closed";
        if (line.Count(c => c == '\'') % 2 == 1)
            return "a single quote is not closed";
        if (line.Count(c => c == '[') != line.Count(c => c == ']'))
            return "a [ or ] has no partner";
        if (line.Count(c => c == '{') != line.Count(c => c == '}'))
            return "a { or } has no partner";
        return "check the indentation of this line and the one before, and quote text that holds ': ' or ' #'";
    }

    private static bool IsUnquoted(string line, string placeholder)
    {
        var at = line.IndexOf(placeholder, StringComparison.Ordinal);
        if (at < 0)
            return false;
        var before = line.AsSpan(0, at);
        return before.Count('"') % 2 == 0 && before.Count('\'') % 2 == 0;
    }
}

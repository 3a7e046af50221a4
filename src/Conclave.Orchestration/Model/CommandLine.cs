using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Conclave.Orchestration.Model;

/// <summary>What an instance knows about itself; fills the placeholders of a command.</summary>
/// <param name="Instance">Such as <c>web/2</c>; <c>{instance}</c>.</param>
/// <param name="Node">Such as <c>node-1</c>; <c>{node}</c>.</param>
/// <param name="Port"><c>{port}</c> and the variable PORT.</param>
public readonly record struct InstanceIdentity(string Instance, string Node, int Port);

/// <summary>A command ready to be started without a shell.</summary>
/// <param name="Arguments">Program first.</param>
/// <param name="Environment">What is added to the inherited environment: the service's own variables, PORT, CONCLAVE_INSTANCE, CONCLAVE_NODE.</param>
public sealed record ResolvedCommand(ImmutableArray<string> Arguments, ImmutableSortedDictionary<string, string> Environment);

/// <summary>Splits and fills in commands. Nothing is expanded but three placeholders, in arguments and in values of the environment.</summary>
public static class CommandLine
{
    /// <summary>Fills in <c>{port}</c>, <c>{instance}</c> and <c>{node}</c>; other braces stay as they are.</summary>
    public static ResolvedCommand Resolve(ServiceSpec service, InstanceIdentity identity)
    {
        var environment = service.Environment.ToBuilder();
        foreach (var (name, value) in service.Environment)
            environment[name] = Fill(value, identity);

        // The three variables identify the process to its successor's eyes, so a file may not override them.
        environment["PORT"] = identity.Port.ToString(CultureInfo.InvariantCulture);
        environment["CONCLAVE_INSTANCE"] = identity.Instance;
        environment["CONCLAVE_NODE"] = identity.Node;
        return new ResolvedCommand(Resolve(service.Command, identity), environment.ToImmutable());
    }

    /// <summary>The same for the bare command of a probe.</summary>
    public static ImmutableArray<string> Resolve(ImmutableArray<string> command, InstanceIdentity identity) =>
        [.. command.Select(argument => Fill(argument, identity))];

    /// <summary>Splits as a POSIX shell would split quoted words, and does nothing else that a shell does: no variables, globs, pipes.</summary>
    /// <exception cref="FormatException">A quote that is not closed, or a backslash at the end.</exception>
    public static ImmutableArray<string> Split(string text)
    {
        var words = ImmutableArray.CreateBuilder<string>();
        var word = new StringBuilder();
        var inWord = false;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsWhiteSpace(c))
            {
                if (inWord)
                    words.Add(word.ToString());
                word.Clear();
                inWord = false;
                continue;
            }

            inWord = true;
            switch (c)
            {
                case '\'':
                    var end = text.IndexOf('\'', i + 1);
                    if (end < 0)
                        throw new FormatException("a ' is not closed");
                    word.Append(text, i + 1, end - i - 1);
                    i = end;
                    break;
                case '"':
                    i = AppendDoubleQuoted(text, i + 1, word);
                    break;
                case '\\' when i + 1 == text.Length:
                    throw new FormatException("a \\ stands at the end");
                case '\\':
                    word.Append(text[++i]);
                    break;
                default:
                    word.Append(c);
                    break;
            }
        }

        if (inWord)
            words.Add(word.ToString());
        return words.ToImmutable();
    }

    // Between double quotes a backslash is literal unless it precedes one of these four (POSIX.1 XCU 2.2.3).
    private static int AppendDoubleQuoted(string text, int start, StringBuilder word)
    {
        for (var i = start; i < text.Length; i++)
        {
            if (text[i] == '"')
                return i;
            if (text[i] == '\\' && i + 1 < text.Length && text[i + 1] is '"' or '\\' or '$' or '`')
                i++;
            word.Append(text[i]);
        }

        throw new FormatException("a \" is not closed");
    }

    private static string Fill(string text, InstanceIdentity identity) =>
        text.Contains('{', StringComparison.Ordinal)
            ? text.Replace("{port}", identity.Port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
                .Replace("{instance}", identity.Instance, StringComparison.Ordinal)
                .Replace("{node}", identity.Node, StringComparison.Ordinal)
            : text;
}

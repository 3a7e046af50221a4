using System.Collections.Immutable;
using Conclave.Orchestration;

namespace Conclave.Cli.Elections;

/// <summary>
/// What may stand behind the addresses of <c>--endpoints</c>, for all of them: <c>https://a:2379,https://b:2379?ca_file=FILE&amp;user_file=FILE</c>. Who we are is told by files, since a command line is read
/// by everybody on the machine.
/// </summary>
internal sealed class AddressQuery
{
    private readonly ImmutableDictionary<string, string> _words;

    private AddressQuery(ImmutableArray<string> addresses, ImmutableDictionary<string, string> words) => (Addresses, _words) = (addresses, words);

    /// <summary>Without what stands behind them.</summary>
    public ImmutableArray<string> Addresses { get; }

    public string? this[string word] => _words.GetValueOrDefault(word);

    /// <param name="endpoints">As they were given, split at the commas.</param>
    /// <param name="words">Those that the backend knows.</param>
    /// <exception cref="ConclaveException">Something else is said.</exception>
    public static AddressQuery Of(ImmutableArray<string> endpoints, params ReadOnlySpan<string> words)
    {
        if (endpoints is not [.. var first, var last] || last.Split('?', 2) is not [var address, var query])
            return new AddressQuery(endpoints, ImmutableDictionary<string, string>.Empty);
        var said = ImmutableDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var part in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            if (part.Split('=', 2) is not [var word, { Length: > 0 } value] || !words.Contains(word))
                throw new ConclaveException($"--endpoints: '{part}' is not understood behind the address; write {Forms(words)}, with & between", ExitCode.Usage);
            said[word] = value;
        }

        return new AddressQuery([.. first, address], said.ToImmutable());
    }

    /// <summary>The first line of the file that a word names; null when it names none.</summary>
    /// <exception cref="ConclaveException">It cannot be read, or is empty.</exception>
    public string? LineOf(string word)
    {
        if (this[word] is not { } file)
            return null;
        try
        {
            return File.ReadLines(file).FirstOrDefault()?.Trim() is { Length: > 0 } line ? line : throw new ConclaveException($"--endpoints: {word}: '{file}' is empty", ExitCode.Usage);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new ConclaveException($"--endpoints: {word}: {fault.Message}", ExitCode.Usage, fault);
        }
    }

    private static string Forms(ReadOnlySpan<string> words)
    {
        string[] forms = [.. words.ToArray().Select(word => $"{word}={(word.EndsWith("_file", StringComparison.Ordinal) ? "FILE" : "NAME")}")];
        return forms is [var one] ? one : $"{string.Join(", ", forms[..^1])} or {forms[^1]}";
    }
}

using System.Collections.Immutable;
using System.Globalization;

namespace Conclave.Orchestration.Model.Yaml;

/// <summary>Reads the keys of one mapping by name and type. A key that nobody asked for is a problem when <see cref="Finish"/> is called.</summary>
/// <param name="mapping">The mapping; null reads as an empty one.</param>
/// <param name="where">Its path, such as <c>services.web</c>; empty for the root.</param>
/// <param name="problems">Where mistakes go; reading then goes on with the default.</param>
internal sealed class Fields(YamlItem.Mapping? mapping, string where, Problems problems)
{
    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    public int Line => mapping?.Line ?? 1;

    public Problems Problems => problems;

    /// <summary>The keys in the order of the file, for mappings whose keys are the user's own names.</summary>
    public IEnumerable<YamlItem.Entry> Entries => mapping?.Entries ?? [];

    public string PathOf(string key) => where.Length == 0 ? key : $"{where}.{key}";

    public YamlItem? Take(string key)
    {
        _asked.Add(key);
        foreach (var entry in Entries)
        {
            if (entry.Key != key)
                continue;
            if (entry.Value is not YamlItem.Text { IsNull: true })
                return entry.Value;
            problems.Add(entry.Line, $"{PathOf(key)} has no value", "give it one or remove the key");
            return null;
        }

        return null;
    }

    public int LineOf(string key)
    {
        foreach (var entry in Entries)
        {
            if (entry.Key == key)
                return entry.Line;
        }

        return Line;
    }

    public Fields? Mapping(string key) => Take(key) is { } item ? AsMapping(item, PathOf(key), problems) : null;

    public static Fields? AsMapping(YamlItem item, string path, Problems problems)
    {
        if (item is YamlItem.Mapping found)
            return new Fields(found, path, problems);
        problems.Add(item.Line, $"{path} is {item.Kind}", "it needs keys below it, indented by two spaces");
        return null;
    }

    public string? Text(string key) => Take(key) is { } item ? AsText(item, PathOf(key), problems) : null;

    public static string? AsText(YamlItem item, string path, Problems problems)
    {
        switch (item)
        {
            case YamlItem.Text { IsNull: false } text:
                return text.Value;
            case YamlItem.Mapping { Entries: [{ Value: YamlItem.Text { IsNull: true } } only] } when only.Key is "port" or "instance" or "node":
                problems.Add(item.Line, $"{path}: {{{only.Key}}} stands outside quotes, which makes it a mapping", $"write \"{{{only.Key}}}\"");
                return null;
            default:
                problems.Add(item.Line, $"{path} is {item.Kind}", "it needs one text");
                return null;
        }
    }

    /// <summary>A list of texts; a single text is a list of one.</summary>
    public ImmutableArray<string>? Texts(string key) => Take(key) is { } item ? AsTexts(item, PathOf(key), problems) : null;

    public static ImmutableArray<string> AsTexts(YamlItem item, string path, Problems problems) => item is YamlItem.Sequence list
        ? [.. list.Items.Select((element, index) => AsText(element, $"{path}[{index}]", problems)).OfType<string>()]
        : AsText(item, path, problems) is { } text ? [text] : [];

    public int? Int(string key, int min, int max)
    {
        if (Text(key) is not { } text)
            return null;
        if (AsInt(text) is { } number && number >= min && number <= max)
            return (int)number;
        var line = LineOf(key);
        if (text.Length > 1 && text[0] == '0' && text.All(char.IsAsciiDigit))
            problems.Add(line, $"{PathOf(key)} is '{text}', which some read as octal", $"write {text.TrimStart('0').PadLeft(1, '0')}");
        else
            problems.Add(line, $"{PathOf(key)} is '{text}'", $"it must be a whole number from {min} to {max}");
        return null;
    }

    public static long? AsInt(string text) =>
        !(text.Length > 1 && text[0] == '0') && long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number
            : null;

    public TimeSpan? Duration(string key, TimeSpan min)
    {
        if (Text(key) is not { } text)
            return null;
        if (!Yaml.Duration.TryParse(text, out var duration))
        {
            var remedy = AsInt(text) is > 0 ? $"give it a unit: {text}s or {text}ms" : "write a duration up to 24h such as 500ms, 1s or 1m30s";
            problems.Add(LineOf(key), $"{PathOf(key)} is '{text}'", remedy);
            return null;
        }

        if (duration >= min)
            return duration;
        problems.Add(LineOf(key), $"{PathOf(key)} is {text}", $"the least is {Yaml.Duration.Format(min)}");
        return null;
    }

    /// <summary>Reports every key that was not taken.</summary>
    /// <param name="foreign">What to say about keys that other tools know.</param>
    public void Finish(IReadOnlyDictionary<string, string>? foreign = null)
    {
        foreach (var entry in Entries)
        {
            if (_asked.Contains(entry.Key))
                continue;
            var remedy = foreign is not null && foreign.TryGetValue(entry.Key, out var known) ? known
                : Spelling.Nearest(entry.Key, _asked) is { } near ? $"did you mean '{near}'?"
                : $"known here: {string.Join(", ", _asked.Order(StringComparer.Ordinal))}";
            problems.Add(entry.Line, $"unknown key '{PathOf(entry.Key)}'", remedy);
        }
    }
}

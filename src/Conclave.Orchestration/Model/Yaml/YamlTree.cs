using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Conclave.Orchestration.Model.Yaml;

/// <summary>A YAML document as it was written: every scalar is still text, every node knows its line. Types are given by whoever reads a key,
/// so YAML's own guesses (<c>no</c> is false, <c>010</c> is eight) never happen.</summary>
internal abstract record YamlItem
{
    private YamlItem()
    {
    }

    public required int Line { get; init; }

    // IsPlain: written without quotes.
    public sealed record Text(string Value, bool IsPlain) : YamlItem
    {
        public bool IsNull => IsPlain && Value is "" or "~" or "null" or "Null" or "NULL";
    }

    public sealed record Sequence(IReadOnlyList<YamlItem> Items) : YamlItem;

    public sealed record Mapping(IReadOnlyList<Entry> Entries) : YamlItem;

    internal readonly record struct Entry(string Key, int Line, YamlItem Value);

    /// <summary>What it is, for messages.</summary>
    public string Kind => this switch
    {
        Text { IsNull: true } => "nothing",
        Text => "text",
        Sequence => "a list",
        _ => "a mapping",
    };
}

/// <summary>Parses one document. A syntax error is one problem and ends the reading; a key that stands twice is a problem and the first one counts.</summary>
internal sealed class YamlTree(string content, Problems problems)
{
    // Deeper than anything that is meant, shallow enough for the stack.
    private const int DepthMax = 32;

    private readonly Dictionary<AnchorName, YamlItem> _anchors = [];
    private readonly Parser _parser = new(new Scanner(new StringReader(content), skipComments: true));

    public static YamlItem? Parse(string content, Problems problems)
    {
        try
        {
            return new YamlTree(content, problems).ReadDocument();
        }
        catch (YamlException e)
        {
            problems.Add(SyntaxError.Explain(e, content.Split('\n')));
            return null;
        }
    }

    private YamlItem? ReadDocument()
    {
        _parser.Consume<StreamStart>();
        if (!_parser.TryConsume<DocumentStart>(out _))
            return null;
        var root = ReadItem(0);
        _parser.Consume<DocumentEnd>();
        if (_parser.TryConsume<DocumentStart>(out var second))
            problems.Add(Line(second), "a second document begins here", "keep one document per file");
        return root;
    }

    private YamlItem ReadItem(int depth)
    {
        if (depth > DepthMax)
            throw new YamlException(_parser.Current!.Start, _parser.Current.End, $"nested deeper than {DepthMax} levels");
        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            return _anchors.TryGetValue(alias.Value, out var known)
                ? known
                : throw new YamlException(alias.Start, alias.End, $"the alias *{alias.Value} has no anchor before it");
        }

        var start = _parser.Current as NodeEvent ?? throw new YamlException("unexpected end");
        YamlItem item = start switch
        {
            Scalar => ReadText(),
            SequenceStart => ReadSequence(depth),
            _ => ReadMapping(depth),
        };
        if (!start.Anchor.IsEmpty)
            _anchors[start.Anchor] = item;
        return item;
    }

    private YamlItem.Text ReadText()
    {
        var scalar = _parser.Consume<Scalar>();
        return new YamlItem.Text(scalar.Value, scalar.Style == ScalarStyle.Plain) { Line = Line(scalar) };
    }

    private YamlItem.Sequence ReadSequence(int depth)
    {
        var line = Line(_parser.Consume<SequenceStart>());
        var items = new List<YamlItem>();
        while (!_parser.TryConsume<SequenceEnd>(out _))
            items.Add(ReadItem(depth + 1));
        return new YamlItem.Sequence(items) { Line = line };
    }

    private YamlItem.Mapping ReadMapping(int depth)
    {
        var line = Line(_parser.Consume<MappingStart>());
        var entries = new List<YamlItem.Entry>();
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var key = ReadItem(depth + 1);
            var value = ReadItem(depth + 1);
            if (key is not YamlItem.Text { Value: var name })
                problems.Add(key.Line, $"{key.Kind} stands where a key is expected", "a key is plain text; put text with braces in quotes");
            else if (entries.FindIndex(entry => entry.Key == name) is >= 0 and var first)
                problems.Add(key.Line, $"'{name}' stands twice, first in line {entries[first].Line}", "remove one of them");
            else
                entries.Add(new YamlItem.Entry(name, key.Line, value));
        }

        return new YamlItem.Mapping(entries) { Line = line };
    }

    private static int Line(ParsingEvent at) => (int)at.Start.Line;
}

using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Conclave.Cli.Demo;

/// <summary>A lane at one moment.</summary>
internal sealed record LaneView
{
    public required string Title { get; init; }

    /// <summary>How many there will be if all goes as this lane goes.</summary>
    public required long CallsExpected { get; init; }

    public long CallsBilled { get; init; }

    public int CustomersCalled { get; init; }

    public int CustomersCalledMoreThanOnce { get; init; }

    /// <summary>Null where nobody is elected.</summary>
    public string? Leader { get; init; }

    public long? Token { get; init; }

    public long? Refused { get; init; }

    public long? Absorbed { get; init; }

    public string Last { get; init; } = "";

    public int Percent => (int)Math.Min(100, 100 * CallsBilled / CallsExpected);

    public static LaneView Of(string title, long expected, LaneTally tally) => new()
    {
        Title = title,
        CallsExpected = expected,
        CallsBilled = tally.CallsBilled,
        CustomersCalled = tally.CustomersCalled,
        CustomersCalledMoreThanOnce = tally.CustomersCalledMoreThanOnce,
    };

    public string Line() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Title}: {Percent} %, {CustomersCalled:N0} customers called, {CallsBilled:N0} calls billed, {CustomersCalledMoreThanOnce:N0} called more than once");
}

/// <summary>Both lanes side by side, and what happened last. Pure: the same views give the same picture.</summary>
internal static class LanePicture
{
    // With the names and the borders 80 columns, and with what was said last 24 rows.
    private const int LaneChars = 24;
    private const int BarChars = 16;

    public static IRenderable Render(LaneView one, LaneView other, IEnumerable<string> said)
    {
        var table = new Table().Border(TableBorder.Rounded).BorderColor(Color.Grey);
        table.AddColumn(new TableColumn(""));
        foreach (var lane in (LaneView[])[one, other])
            table.AddColumn(new TableColumn(new Text(lane.Title, new Style(decoration: Decoration.Bold))) { Width = LaneChars });
        Row("", lane => new Text(Bar(lane.Percent), new Style(Color.Blue)));
        Row("customers called", lane => new Text(Number(lane.CustomersCalled)));
        Row("calls billed", lane => new Text(Number(lane.CallsBilled)));
        Row("called more than once", lane => new Text(Number(lane.CustomersCalledMoreThanOnce), new Style(lane.CustomersCalledMoreThanOnce > 0 ? Color.Red : Color.Green)));
        Row("leader", lane => new Text(lane.Leader ?? "-"));
        Row("token", lane => new Text(Number(lane.Token)));
        Row("refused, stale token", lane => new Text(Number(lane.Refused), new Style(lane.Refused > 0 ? Color.Yellow : Color.Default)));
        Row("absorbed by key", lane => new Text(Number(lane.Absorbed), new Style(lane.Absorbed > 0 ? Color.Yellow : Color.Default)));
        Row("last fault", lane => new Text(lane.Last, new Style(Color.Yellow)));
        return new Rows([table, .. said.Select(line => new Text(line, new Style(Color.Grey)))]);

        void Row(string name, Func<LaneView, IRenderable> cell) => table.AddRow(new Text(name, new Style(Color.Grey)), cell(one), cell(other));
    }

    private static string Bar(int percent)
    {
        var full = percent * BarChars / 100;
        return string.Create(CultureInfo.InvariantCulture, $"{new string('█', full)}{new string('░', BarChars - full)} {percent} %");
    }

    private static string Number(long? number) => number?.ToString("N0", CultureInfo.InvariantCulture) ?? "-";
}

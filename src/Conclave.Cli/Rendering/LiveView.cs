using System.Globalization;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Conclave.Cli.Rendering;

/// <summary>The picture that <c>up</c> and <c>status --watch</c> redraw. Pure: the same status and size give the same picture.</summary>
/// <remarks>
/// It never has more lines than the terminal. First go the events, the oldest first, then the frames, then instances that are ready: the sentence, the addresses and what is not well stay.
/// </remarks>
internal static class LiveView
{
    private const int FramedLines = 4; // above, heading, rule, below
    private const int PlainLines = 1; // heading

    public static IRenderable Render(ClusterStatus status, IReadOnlyCollection<ClusterEvent> recent, DateTimeOffset now, string hint, int width, int height)
    {
        var instances = status.Services.SelectMany(service => service.Instances).Concat(status.Gateways).ToList();
        var room = height - 3; // the sentence, the addresses, the hint
        var framed = status.Nodes.Length + instances.Count + 2 * FramedLines <= room;
        room -= status.Nodes.Length + 2 * (framed ? FramedLines : PlainLines);
        var shown = instances.Count <= room ? instances : [.. instances.OrderBy(i => i.State == RunState.Ready).Take(Math.Max(room - 1, 1))];
        room -= Math.Min(instances.Count, shown.Count + 1);

        var rows = new List<IRenderable>
        {
            Line(status.Summary, width, new Style(ColorOf(status.State), decoration: Decoration.Bold)),
            Line(string.Join("  ", status.Urls), width, new Style(Color.Blue)),
            Nodes(status, now, framed),
            Instances(shown, now, framed),
        };
        if (shown.Count < instances.Count)
            rows.Add(Line(string.Create(CultureInfo.InvariantCulture, $"and {instances.Count - shown.Count} more"), width, new Style(Color.Grey)));
        foreach (var happened in recent.TakeLast(Math.Max(room, 0)))
            rows.Add(Line(EventText.Line(happened, TimeZoneInfo.Local), width, new Style(Color.Grey)));
        rows.Add(Line(hint, width, new Style(Color.Grey)));
        return new Rows(rows);
    }

    private static Table Nodes(ClusterStatus status, DateTimeOffset now, bool framed)
    {
        var table = Table(framed, "node", "pid", "role", "state", "restarts", "since");
        foreach (var node in status.Nodes)
        {
            var role = status.Leader?.Node == node.Name ? $"leader, token {status.Leader.Token.ToString(CultureInfo.InvariantCulture)}" : node.Role ?? "";
            table.AddRow(Cell(node.Name), Cell(node.Pid), Cell(role), Cell(node.State), Cell(node.Restarts), Cell(Age.Text(node.Since, now)));
        }

        return table;
    }

    private static Table Instances(List<InstanceStatus> instances, DateTimeOffset now, bool framed)
    {
        var table = Table(framed, "instance", "pid", "port", "node", "state", "restarts", "since");
        foreach (var instance in instances)
        {
            table.AddRow(
                Cell(instance.Id), Cell(instance.Pid), Cell(instance.Port), Cell(instance.Node ?? ""), Cell(instance.State), Cell(instance.Restarts),
                Cell(Age.Text(instance.Since, now)));
        }

        return table;
    }

    private static Table Table(bool framed, params string[] columns)
    {
        var table = new Table().Border(framed ? TableBorder.Rounded : TableBorder.None).BorderColor(Color.Grey);
        foreach (var column in columns)
            table.AddColumn(new TableColumn(new Text(column, new Style(Color.Grey))).NoWrap());
        return table;
    }

    /// <summary>Exactly one line: what does not fit is cut, for a line that wraps would push another off the screen.</summary>
    private static Text Line(string text, int width, Style style) => new(text.Length <= width ? text : string.Concat(text.AsSpan(0, Math.Max(width - 1, 0)), "…"), style);

    private static Text Cell(string text) => new(text);

    private static Text Cell(int? number) => new(number?.ToString(CultureInfo.InvariantCulture) ?? "");

    private static Text Cell(RunState state) => new(state.Word(), new Style(state switch
    {
        RunState.Ready => Color.Green,
        RunState.CrashLoop or RunState.Failed or RunState.Unready => Color.Red,
        RunState.Stopped or RunState.Unknown => Color.Grey,
        _ => Color.Yellow,
    }));

    private static Color ColorOf(ClusterState state) => state switch
    {
        ClusterState.Healthy => Color.Green,
        ClusterState.Degraded or ClusterState.Electing => Color.Yellow,
        _ => Color.Red,
    };
}

using System.Globalization;
using Conclave.Orchestration.Events;
using Conclave.Orchestration.Model;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Conclave.Cli.Rendering;

/// <summary>The picture that <c>up</c> and <c>status --watch</c> redraw. Pure: the same status gives the same picture.</summary>
internal static class LiveView
{
    public static IRenderable Render(ClusterStatus status, IReadOnlyCollection<ClusterEvent> recent, DateTimeOffset now, string hint)
    {
        var rows = new List<IRenderable>
        {
            new Text(status.Summary, new Style(ColorOf(status.State), decoration: Decoration.Bold)),
            new Text(status.Urls.IsEmpty ? "" : string.Join("  ", status.Urls), new Style(Color.Blue)),
            Nodes(status, now),
            Instances(status, now),
        };
        foreach (var happened in recent)
            rows.Add(new Text(EventText.Line(happened, TimeZoneInfo.Local), new Style(Color.Grey)));
        rows.Add(new Text(hint, new Style(Color.Grey)));
        return new Rows(rows);
    }

    private static Table Nodes(ClusterStatus status, DateTimeOffset now)
    {
        var table = Plain("node", "pid", "role", "state", "restarts", "since");
        foreach (var node in status.Nodes)
        {
            var role = status.Leader?.Node == node.Name ? $"leader, token {status.Leader.Token.ToString(CultureInfo.InvariantCulture)}" : node.Role ?? "";
            table.AddRow(Cell(node.Name), Cell(node.Pid), Cell(role), Cell(node.State), Cell(node.Restarts), Cell(Age.Text(node.Since, now)));
        }

        return table;
    }

    private static Table Instances(ClusterStatus status, DateTimeOffset now)
    {
        var table = Plain("instance", "pid", "port", "node", "state", "restarts", "since");
        foreach (var instance in status.Services.SelectMany(service => service.Instances).Concat(status.Gateways))
        {
            table.AddRow(
                Cell(instance.Id), Cell(instance.Pid), Cell(instance.Port), Cell(instance.Node ?? ""), Cell(instance.State), Cell(instance.Restarts),
                Cell(Age.Text(instance.Since, now)));
        }

        return table;
    }

    private static Table Plain(params string[] columns)
    {
        var table = new Table().Border(TableBorder.Rounded).BorderColor(Color.Grey);
        foreach (var column in columns)
            table.AddColumn(new TableColumn(new Text(column, new Style(Color.Grey))));
        return table;
    }

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

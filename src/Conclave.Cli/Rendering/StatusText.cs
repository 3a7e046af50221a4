using System.Globalization;
using System.Text;
using Conclave.Orchestration.Model;

namespace Conclave.Cli.Rendering;

/// <summary>A status as plain text. Pure.</summary>
internal static class StatusText
{
    /// <summary>The sentence first, then leader, nodes, instances, gateways.</summary>
    public static string Full(ClusterStatus status, DateTimeOffset now)
    {
        var text = new StringBuilder(status.Summary).AppendLine();
        if (status.State == ClusterState.Stopped && status.Services.IsEmpty)
            return text.ToString();
        text.AppendLine();
        text.AppendLine(status.Leader is { } leader
            ? string.Create(CultureInfo.InvariantCulture, $"leader   {leader.Node}, term {leader.Term}, fencing token {leader.Token}")
            : "leader   none");
        if (!status.Urls.IsEmpty)
            text.AppendLine($"serving  {string.Join("  ", status.Urls)}");
        foreach (var service in status.Services)
        {
            var file = service.File is { } count ? $" (file: {count})" : "";
            text.AppendLine(CultureInfo.InvariantCulture, $"service  {service.Name}: {service.Ready} of {service.Desired}{file} ready");
        }

        text.AppendLine();
        text.Append(TextTable.Render(["NODE", "PID", "ROLE", "STATE", "RESTARTS", "SINCE"], status.Nodes.Select(node => (string[])
        [
            node.Name, Number(node.Pid), node.Role ?? "", node.State.Word(), Number(node.Restarts), Age.Text(node.Since, now),
        ])));
        text.AppendLine();
        return text.Append(Processes(status, now)).ToString();
    }

    /// <summary>One row per instance and gateway.</summary>
    public static string Processes(ClusterStatus status, DateTimeOffset now) => TextTable.Render(
        ["ID", "PID", "PORT", "NODE", "STATE", "RESTARTS", "SINCE", "WHY"],
        status.Services.SelectMany(service => service.Instances).Concat(status.Gateways).Select(instance => (string[])
        [
            instance.Id, Number(instance.Pid), Number(instance.Port), instance.Node ?? "", instance.State.Word(), Number(instance.Restarts),
            Age.Text(instance.Since, now), instance.Why ?? "",
        ]));

    private static string Number(int? number) => number?.ToString(CultureInfo.InvariantCulture) ?? "";
}

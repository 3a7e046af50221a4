using System.Globalization;
using System.Text;
using Conclave.Orchestration.Model;
using Conclave.Orchestration.Model.Yaml;

namespace Conclave.Cli.Rendering;

/// <summary>What <c>up --dry-run</c> shows: everything that would be started, with defaults filled in. Pure.</summary>
internal static class PlanText
{
    public static string Render(ClusterSpec spec, string file)
    {
        var text = new StringBuilder();
        text.AppendLine($"{file} is fine. 'conclave up' would start cluster '{spec.Name}':").AppendLine();
        text.AppendLine($"  {Counted.Of(spec.Nodes, "node")}, data in {spec.DataDirectory}");
        text.AppendLine(spec.IsEmbedded
            ? "  state in the nodes themselves, leader by Raft"
            : $"  state in etcd at {string.Join(", ", spec.EtcdEndpoints)}, leader by its lease");
        if (spec.Gateway.Replicas > 0)
        {
            text.AppendLine($"  {Counted.Of(spec.Gateway.Replicas, "gateway")} on {string.Join(", ", spec.Gateway.Listen)}");
            foreach (var route in spec.Gateway.Routes)
                text.AppendLine($"    {route.Host}{route.Path} → {route.Service}");
        }

        foreach (var service in spec.Services)
            Append(text, service);
        return text.ToString();
    }

    private static void Append(StringBuilder text, ServiceSpec service)
    {
        text.AppendLine().AppendLine($"  {service.Name}: {Counted.Of(service.Replicas, "instance")}");
        text.AppendLine($"    command    {string.Join(' ', service.Command.Select(Quoted))}");
        text.AppendLine($"    directory  {service.Directory}");
        if (service.Environment.Count > 0)
            text.AppendLine($"    environment  {string.Join(", ", service.Environment.Keys)}"); // values may be secrets
        text.AppendLine($"    ready      {Probe(service.Ready, "as soon as it runs")}");
        text.AppendLine($"    live       {Probe(service.Live, "as long as it runs")}");
        if (service.Start is not null)
            text.AppendLine($"    start      {Probe(service.Start, "")}");
        text.AppendLine($"    restart    {RestartWord(service.Restart)}");
        text.AppendLine($"    stop       {service.StopSignal.Name}, SIGKILL after {Duration.Format(service.StopGracePeriod)}");
    }

    private static string Probe(ProbeSpec? probe, string without)
    {
        if (probe is null)
            return without;
        var port = probe.Port?.ToString(CultureInfo.InvariantCulture) ?? "{port}";
        var asked = probe.Kind switch
        {
            ProbeKind.Http => $"GET http://127.0.0.1:{port}{probe.Path}",
            ProbeKind.Tcp => $"connect to 127.0.0.1:{port}",
            _ => string.Join(' ', probe.Command.Select(Quoted)),
        };
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{asked}, every {Duration.Format(probe.Interval)} within {Duration.Format(probe.Timeout)}, {probe.Failures} in a row fail");
    }

    private static string RestartWord(RestartMode mode) => mode switch
    {
        RestartMode.Always => "always",
        RestartMode.OnFailure => "on-failure",
        _ => "never",
    };

    private static string Quoted(string argument) =>
        argument.Length > 0 && !argument.Any(c => char.IsWhiteSpace(c) || c is '\'' or '"') ? argument : $"'{argument}'";
}

namespace Conclave.Orchestration.Model.Yaml;

/// <summary>Reads <c>ready</c>, <c>live</c> and <c>start</c>.</summary>
internal static class ProbeReader
{
    private static readonly Dictionary<string, string> Foreign = new(StringComparer.Ordinal)
    {
        ["test"] = "write command: [...], http: /path or tcp: \"{port}\"",
        ["retries"] = "write failures",
        ["path"] = "write http: /path",
        ["start_period"] = "write a probe of its own under start:",
    };

    public static ProbeSpec? Read(Fields service, string key, ProbeSpec defaults)
    {
        if (service.Mapping(key) is not { } fields)
            return null;
        var before = defaults with { };
        var http = fields.Take("http");
        var tcp = fields.Take("tcp");
        var command = fields.Take("command");
        var path = service.PathOf(key);
        if (new[] { http, tcp, command }.Count(kind => kind is not null) != 1)
            fields.Problems.Add(fields.Line, $"{path} needs exactly one way of asking", "write http: /path, tcp: \"{port}\" or command: [...]");
        var probe = before with
        {
            Interval = fields.Duration("interval", TimeSpan.FromMilliseconds(10)) ?? before.Interval,
            Timeout = fields.Duration("timeout", TimeSpan.FromMilliseconds(1)) ?? before.Timeout,
            Failures = fields.Int("failures", 1, 10_000) ?? before.Failures,
        };
        var port = fields.Int("port", 1, 65_535);
        if (port is not null && http is null)
            fields.Problems.Add(fields.LineOf("port"), $"{path}.port belongs to an http probe", "write tcp: 5432 for another port");
        fields.Finish(Foreign);
        if (http is not null)
            return Http(probe, http, port, path, fields.Problems);
        if (tcp is not null)
            return Tcp(probe, tcp, path, fields.Problems);
        return command is null ? null : probe with
        {
            Kind = ProbeKind.Command,
            Command = ServiceReader.Command(command, $"{path}.command", fields.Problems),
        };
    }

    private static ProbeSpec Http(ProbeSpec probe, YamlItem item, int? port, string path, Problems problems)
    {
        var text = Fields.AsText(item, $"{path}.http", problems) ?? "/";
        if (text[0] != '/' || text.Any(c => char.IsWhiteSpace(c) || char.IsControl(c)))
            problems.Add(item.Line, $"{path}.http is '{text}'", "write a path such as /readyz; another port goes into port:");
        return probe with { Kind = ProbeKind.Http, Path = text, Port = port };
    }

    private static ProbeSpec Tcp(ProbeSpec probe, YamlItem item, string path, Problems problems)
    {
        var text = Fields.AsText(item, $"{path}.tcp", problems) ?? "{port}";
        if (text is "{port}" or "true")
            return probe with { Kind = ProbeKind.Tcp };
        if (Fields.AsInt(text) is >= 1 and <= 65_535 and var port)
            return probe with { Kind = ProbeKind.Tcp, Port = (int)port };
        problems.Add(item.Line, $"{path}.tcp is '{text}'", "write \"{port}\" or a port from 1 to 65535");
        return probe with { Kind = ProbeKind.Tcp };
    }
}

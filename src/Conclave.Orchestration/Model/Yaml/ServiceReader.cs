using System.Collections.Immutable;

namespace Conclave.Orchestration.Model.Yaml;

/// <summary>Reads one entry of <c>services</c>.</summary>
/// <param name="root">Absolute directory of the file.</param>
/// <param name="problems">Where mistakes go.</param>
internal sealed class ServiceReader(string root, Problems problems)
{
    private static readonly Dictionary<string, string> Foreign = new(StringComparer.Ordinal)
    {
        ["image"] = "Conclave runs programs, not containers: write command: [...]",
        ["build"] = "Conclave runs what is built: write command: [...]",
        ["entrypoint"] = "write command: [...]",
        ["ports"] = "instances get their port as {port}; the public one is gateway.listen",
        ["port"] = "instances get their port as {port}; the public one is gateway.listen",
        ["expose"] = "instances get their port as {port}; the public one is gateway.listen",
        ["working_dir"] = "write directory",
        ["cwd"] = "write directory",
        ["env"] = "write environment",
        ["healthcheck"] = "write ready: { http: /readyz } and live: { http: /livez }",
        ["deploy"] = "write replicas: directly under the service",
        ["scale"] = "write replicas",
        ["instances"] = "write replicas",
        ["depends_on"] = "services start together and are restarted until they are ready; remove the key",
        ["restart_policy"] = "write restart: always, on-failure or never",
    };

    public ServiceSpec? Read(YamlItem.Entry entry)
    {
        var path = $"services.{entry.Key}";
        CheckName(entry);
        if (entry.Value is YamlItem.Text { IsNull: true })
        {
            problems.Add(entry.Line, $"{path} is empty", "it needs at least a command");
            return null;
        }

        if (Fields.AsMapping(entry.Value, path, problems) is not { } fields)
            return null;
        var command = fields.Take("command");
        if (command is null && fields.LineOf("command") == fields.Line)
            problems.Add(entry.Line, $"{path} has no command", "write command: [\"program\", \"argument\"]");
        var directory = Directory(fields);
        var service = new ServiceSpec
        {
            Name = entry.Key,
            Command = command is null ? [] : Command(command, $"{path}.command", problems),
            Directory = directory,
            Environment = Environment(fields),
            Replicas = fields.Int("replicas", 0, ServiceSpec.ReplicasMax) ?? 1,
            Ready = ProbeReader.Read(fields, "ready", new ProbeSpec { Kind = ProbeKind.Http }),
            Live = ProbeReader.Read(fields, "live", new ProbeSpec { Kind = ProbeKind.Http, Interval = TimeSpan.FromSeconds(2), Timeout = TimeSpan.FromSeconds(1) }),
            Start = ProbeReader.Read(fields, "start", new ProbeSpec { Kind = ProbeKind.Http, Failures = 60 }),
            Restart = Restart(fields),
            StopSignal = StopSignal(fields),
            StopGracePeriod = fields.Duration("stop_grace_period", TimeSpan.Zero) ?? TimeSpan.FromSeconds(20),
        };
        fields.Finish(Foreign);
        if (command is not null && service.Command.Length > 0 && ProgramLookup.Missing(service) is { } missing)
            problems.Add(command.Line, $"{path}.command: {missing.What}", missing.Remedy);
        return service;
    }

    /// <summary>An array as it is, a text split as a shell would split it; never run by one.</summary>
    public static ImmutableArray<string> Command(YamlItem item, string path, Problems problems)
    {
        ImmutableArray<string> words;
        if (item is YamlItem.Text { IsNull: false } text)
        {
            try
            {
                words = CommandLine.Split(text.Value);
            }
            catch (FormatException e)
            {
                problems.Add(item.Line, $"{path}: {e.Message}", "write it as a list: [\"program\", \"argument\"]");
                return [];
            }

            if (words.FirstOrDefault(word => word is "&&" or "||" or "|" or ";" or ">" or ">>" or "<" or "&") is { } shell)
                problems.Add(item.Line, $"{path} holds '{shell}' and no shell reads it", "write [\"sh\", \"-c\", \"...\"], beginning the last command with exec");
        }
        else
        {
            words = Fields.AsTexts(item, path, problems);
        }

        if (item is YamlItem.Sequence { Items.Count: 0 } || (words.Length > 0 && words[0].Length == 0) || item is YamlItem.Text && words.Length == 0)
            problems.Add(item.Line, $"{path} is empty", "write [\"program\", \"argument\"]");
        if (words.Any(word => word.Contains('\0', StringComparison.Ordinal)))
            problems.Add(item.Line, $"{path} holds a zero byte", "remove it");
        return words;
    }

    private void CheckName(YamlItem.Entry entry)
    {
        var name = entry.Key;
        if (name is "gateway" or "leader" or "node" || (name.StartsWith("node-", StringComparison.Ordinal) && name[5..].All(char.IsAsciiDigit)))
            problems.Add(entry.Line, $"'{name}' is a name of Conclave's own", "choose another name for the service");
        else if (!ClusterFile.IsName(name) || !char.IsAsciiLetter(name[0]))
            problems.Add(entry.Line, $"'{name}' cannot name a service", "use up to 40 lower-case letters, digits and dashes, a letter first");
    }

    private string Directory(Fields fields)
    {
        var directory = Path.GetFullPath(Path.Combine(root, fields.Text("directory") ?? "."));
        if (!System.IO.Directory.Exists(directory))
            problems.Add(fields.LineOf("directory"), $"{fields.PathOf("directory")}: there is no directory {directory}", "create it or correct the path, which is relative to this file");
        return directory;
    }

    private ImmutableSortedDictionary<string, string> Environment(Fields fields)
    {
        var variables = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var file in fields.Texts("env_file") ?? [])
            ReadEnvFile(file, fields.LineOf("env_file"), fields.PathOf("env_file"), variables);
        switch (fields.Take("environment"))
        {
            case YamlItem.Mapping mapping:
                foreach (var (name, line, value) in mapping.Entries)
                    AddVariable(name, value is YamlItem.Text { IsNull: true, Value: "" } ? null : value, line, fields.PathOf("environment"), variables);
                break;
            case YamlItem.Sequence list:
                foreach (var item in list.Items)
                    AddAssignment(item, fields.PathOf("environment"), variables);
                break;
            case { } other:
                problems.Add(other.Line, $"{fields.PathOf("environment")} is {other.Kind}", "write { NAME: value }");
                break;
        }

        return variables.ToImmutable();
    }

    private void AddVariable(string name, YamlItem? value, int line, string path, ImmutableSortedDictionary<string, string>.Builder variables)
    {
        if (!EnvFile.IsName(name))
            problems.Add(line, $"{path}: '{name}' is not a name of a variable", "use letters, digits and underscores");
        else if (name is "PORT" or "CONCLAVE_INSTANCE" or "CONCLAVE_NODE")
            problems.Add(line, $"{path}: Conclave sets {name} itself", "remove it");
        else if (value is null)
            problems.Add(line, $"{path}.{name} has no value", $"write {name}: \"\" for an empty one; what Conclave itself inherits is passed on anyway");
        else if (value is YamlItem.Text text)
            variables[name] = text.Value;
        else if (Fields.AsText(value, $"{path}.{name}", problems) is { } other)
            variables[name] = other;
    }

    private void AddAssignment(YamlItem item, string path, ImmutableSortedDictionary<string, string>.Builder variables)
    {
        if (Fields.AsText(item, path, problems) is not { } text)
            return;
        var equals = text.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
            problems.Add(item.Line, $"{path}: '{text}' has no '='", "write NAME=value");
        else
            AddVariable(text[..equals], new YamlItem.Text(text[(equals + 1)..], IsPlain: false) { Line = item.Line }, item.Line, path, variables);
    }

    private void ReadEnvFile(string file, int line, string path, ImmutableSortedDictionary<string, string>.Builder variables)
    {
        var full = Path.GetFullPath(Path.Combine(root, file));
        try
        {
            if (EnvFile.Read(File.ReadAllText(full), variables) is { } bad)
                problems.Add(line, $"{path}: {file}:{bad.Line}: {bad.What}", "write NAME=value, one per line");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            var what = e is FileNotFoundException or DirectoryNotFoundException ? "there is no file" : "cannot read";
            problems.Add(line, $"{path}: {what} {full}", "create it or correct the path, which is relative to this file");
        }
    }

    private RestartMode Restart(Fields fields)
    {
        var text = fields.Text("restart");
        switch (text?.ToLowerInvariant())
        {
            case null or "always":
                return RestartMode.Always;
            case "on-failure":
                return RestartMode.OnFailure;
            case "never":
                return RestartMode.Never;
        }

        var remedy = text.ToLowerInvariant() switch
        {
            "no" or "false" or "off" => "YAML takes that for a boolean; write restart: never",
            "yes" or "true" or "on" => "YAML takes that for a boolean; write restart: always",
            "unless-stopped" => "write always: 'conclave stop' is remembered anyway",
            var other when other.StartsWith("on-failure:", StringComparison.Ordinal) => "write on-failure: attempts slow down and never end",
            _ => "write always, on-failure or never",
        };
        problems.Add(fields.LineOf("restart"), $"{fields.PathOf("restart")} is '{text}'", remedy);
        return RestartMode.Always;
    }

    private Signal StopSignal(Fields fields)
    {
        if (fields.Text("stop_signal") is not { } text)
            return Signal.Term;
        if (!Signal.TryParse(text, out var signal))
            problems.Add(fields.LineOf("stop_signal"), $"{fields.PathOf("stop_signal")} is '{text}'", $"write one of {string.Join(", ", Signal.Names)}");
        else if (signal == Signal.Stop || signal == Signal.Cont)
            problems.Add(fields.LineOf("stop_signal"), $"{fields.PathOf("stop_signal")} is {signal}, which ends nothing", "write SIGTERM or SIGINT");
        else
            return signal;
        return Signal.Term;
    }
}

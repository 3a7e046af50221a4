using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Conclave.Deploy.Tests;

/// <summary>One pod's container as a plain process: the manifest's command, arguments and environment, and nothing of this process's own.</summary>
internal sealed class Pod : IDisposable
{
    private readonly Process _process;
    private readonly List<string> _lines = [];

    public Pod(string name, string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string> environment, string folder)
    {
        Name = name;
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Clear();
        foreach (var (variable, value) in environment)
            start.Environment[variable] = value;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Took(line.Data);
        _process.ErrorDataReceived += (_, line) => Took(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Name { get; }

    public bool IsRunning => !_process.HasExited;

    public string[] Lines
    {
        get
        {
            lock (_lines)
                return [.. _lines];
        }
    }

    /// <summary>kill −9, as when the node's memory runs out.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (IsRunning)
            Kill();
        _process.Dispose();
    }

    private void Took(string? line)
    {
        if (line is null)
            return;
        lock (_lines)
            _lines.Add(line);
    }
}

/// <summary>What Kubernetes makes of a container's description: the environment with its downward fields, and <c>$(NAME)</c> filled in.</summary>
internal static class ContainerWords
{
    public static Dictionary<string, string> Environment(JsonNode container, string pod, string space) =>
        container.List("env").ToDictionary(
            variable => variable.Text("name")!,
            variable => variable.Text("valueFrom/fieldRef/fieldPath") switch
            {
                null => variable.Text("value")!,
                "metadata.name" => pod,
                "metadata.namespace" => space,
                var other => throw new NotSupportedException(string.Create(CultureInfo.InvariantCulture, $"{other}: teach the test this field")),
            },
            StringComparer.Ordinal);

    /// <summary>A name that is not in the environment stays as it is written.</summary>
    public static string Fill(string text, IReadOnlyDictionary<string, string> environment) =>
        CrossChecks.Reference().Replace(text, match => environment.GetValueOrDefault(match.Groups[1].Value, match.Value));
}

using System.Text.Json;

namespace Conclave.Bench.SelfHeal.Subjects;

/// <summary>One line of a node's event log.</summary>
internal sealed record Happened(long MonoNs, string Node, string Kind, string Subject, string Why, int Pid, long Token);

/// <summary>Follows the event files of all nodes, and from them who is who now.</summary>
internal sealed class EventTail(string data)
{
    private readonly Dictionary<string, long> _offsets = new(StringComparer.Ordinal);
    private readonly List<Happened> _all = [];

    /// <summary>Process ids by name: <c>web/1</c>, <c>node-2</c>, <c>gateway/1</c>.</summary>
    public Dictionary<string, int> Pids { get; } = new(StringComparer.Ordinal);

    public string Leader { get; private set; } = "";

    public long Token { get; private set; }

    /// <summary>What happened at or after a moment, in order.</summary>
    public List<Happened> Since(long ns)
    {
        Read();
        return [.. _all.Where(e => e.MonoNs >= ns).OrderBy(e => e.MonoNs)];
    }

    public void Read()
    {
        var fresh = new List<Happened>();
        foreach (var directory in Directory.EnumerateDirectories(data, "node-*"))
        {
            var events = Path.Combine(directory, "events");
            if (Directory.Exists(events))
            {
                foreach (var file in Directory.EnumerateFiles(events, "*.jsonl").Order(StringComparer.Ordinal))
                    ReadFile(file, fresh);
            }
        }

        foreach (var happened in fresh.OrderBy(e => e.MonoNs))
            Take(happened);
    }

    private void Take(Happened happened)
    {
        _all.Add(happened);
        if (happened.Pid > 0)
            Pids[happened.Subject] = happened.Pid;
        if (happened.Kind == "leader-elected" && happened.Token > Token)
            (Leader, Token) = (happened.Subject, happened.Token);
    }

    private void ReadFile(string path, List<Happened> into)
    {
        var offset = _offsets.GetValueOrDefault(path);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        if (file.Length <= offset)
            return;
        file.Seek(offset, SeekOrigin.Begin);
        var content = new byte[file.Length - offset];
        var read = file.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
        var whole = content.AsSpan(0, read).LastIndexOf((byte)'\n') + 1;
        _offsets[path] = offset + whole;
        foreach (var line in content.AsSpan(0, whole).Split((byte)'\n'))
        {
            if (line.Start.Value == line.End.Value)
                continue;
            using var json = JsonDocument.Parse(content.AsMemory(line));
            var e = json.RootElement;
            var data = e.TryGetProperty("data", out var d) ? d : default;
            into.Add(new Happened(
                e.GetProperty("mono_ns").GetInt64(),
                e.GetProperty("node").GetString()!,
                e.GetProperty("kind").GetString()!,
                e.GetProperty("subject").GetString()!,
                e.GetProperty("why").GetString()!,
                (int)Number(data, "pid"),
                Number(data, "token")));
        }
    }

    private static long Number(JsonElement data, string name) =>
        data.ValueKind == JsonValueKind.Object && data.TryGetProperty(name, out var value) ? value.GetInt64() : 0;
}

using System.Globalization;
using System.Text;

namespace Conclave.Orchestration.Processes;

/// <summary>A process found by what stands in its environment.</summary>
/// <param name="Identity">Which process it is.</param>
/// <param name="ParentPid">Its parent now.</param>
/// <param name="LeadsSession">True for one that <see cref="ProcessSpawner"/> started with a session of its own.</param>
public readonly record struct FoundProcess(ProcessIdentity Identity, int ParentPid, bool LeadsSession);

/// <summary>The processes of this user on this host, as /proc shows them.</summary>
public static class ProcessTable
{
    /// <summary>
    /// All running processes of this user whose initial environment has <paramref name="name"/>=<paramref name="value"/>, oldest first. So a process is found that
    /// was started a moment before its starter died, when no record names its pid yet.
    /// </summary>
    /// <remarks>
    /// A process whose parent is also a match is left out: children inherit the variable, and the leader's group dies with it. This also leaves out a
    /// child between fork and exec, which still shows its parent's environment.
    /// </remarks>
    public static IReadOnlyList<FoundProcess> FindByEnvironment(string name, string value) =>
        FindByEnvironment(new Dictionary<string, string>(StringComparer.Ordinal) { [name] = value });

    /// <summary>The same for processes that have all of <paramref name="variables"/>: an instance's name alone may also occur in another cluster.</summary>
    public static IReadOnlyList<FoundProcess> FindByEnvironment(IReadOnlyDictionary<string, string> variables)
    {
        Platform.Require();
        var wanted = variables.Select(pair => Encoding.UTF8.GetBytes($"{pair.Key}={pair.Value}")).ToList();
        var found = new Dictionary<int, FoundProcess>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
                continue;

            // The identity is read before and after: otherwise a number reused in between would join one process's environment to another.
            if (ProcessIdentity.Of(pid) is not { } identity || !OwnedByUs(pid) || ReadEnvironment(pid) is not { } environment)
                continue;
            if (wanted.TrueForAll(entry => Contains(environment, entry)) && identity.Find() is { HasEnded: false } stat)
                found.Add(pid, new FoundProcess(identity, stat.ParentPid, stat.Session == pid));
        }

        return [.. found.Values.Where(each => !found.ContainsKey(each.ParentPid)).OrderBy(each => each.Identity.StartTime).ThenBy(each => each.Identity.Pid)];
    }

    /// <summary>The value of a variable in the initial environment of a process of this user; null when absent or not readable.</summary>
    public static string? EnvironmentOf(int pid, string name)
    {
        foreach (var entry in Encoding.UTF8.GetString(ReadEnvironment(pid) ?? []).Split('\0'))
        {
            if (entry.StartsWith(name + "=", StringComparison.Ordinal))
                return entry[(name.Length + 1)..];
        }

        return null;
    }

    /// <summary>The program and arguments of a process joined by spaces, for messages; null when it is gone.</summary>
    public static string? CommandOf(int pid) =>
        ReadFile(pid, "cmdline") is { Length: > 0 } bytes ? Encoding.UTF8.GetString(bytes).TrimEnd('\0').Replace('\0', ' ') : null;

    private static bool Contains(byte[] environment, byte[] entry)
    {
        var rest = environment.AsSpan();
        while (!rest.IsEmpty)
        {
            var end = rest.IndexOf((byte)0);
            var current = end < 0 ? rest : rest[..end];
            if (current.SequenceEqual(entry))
                return true;
            rest = end < 0 ? [] : rest[(end + 1)..];
        }

        return false;
    }

    /// <summary>Root can read every environment; a process of another user with our variable is still none of ours.</summary>
    private static bool OwnedByUs(int pid)
    {
        var status = ReadFile(pid, "status");
        if (status is null)
            return false;
        var line = Encoding.UTF8.GetString(status).Split('\n').FirstOrDefault(each => each.StartsWith("Uid:", StringComparison.Ordinal));
        return line?.Split('\t')[1] == Libc.GetUid().ToString(CultureInfo.InvariantCulture);
    }

    private static byte[]? ReadEnvironment(int pid) => ReadFile(pid, "environ");

    private static byte[]? ReadFile(int pid, string file)
    {
        try
        {
            return File.ReadAllBytes(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/{file}"));
        }
        catch (IOException)
        {
            return null; // It ended meanwhile.
        }
        catch (UnauthorizedAccessException)
        {
            return null; // Another user's.
        }
    }
}

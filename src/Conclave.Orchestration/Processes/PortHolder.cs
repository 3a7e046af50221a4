using System.Globalization;

namespace Conclave.Orchestration.Processes;

/// <summary>Finds who listens on a port, for the message that says so.</summary>
internal static class PortHolder
{
    private const string Listen = "0A";

    /// <summary><c>nginx (pid 812)</c>; null when it cannot be seen, as for processes of another user.</summary>
    public static string? Find(int port)
    {
        var inodes = new HashSet<string>(StringComparer.Ordinal);
        AddListeners("/proc/net/tcp", port, inodes);
        AddListeners("/proc/net/tcp6", port, inodes);
        if (inodes.Count == 0)
            return null;

        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && Holds(directory, inodes))
                return $"{NameOf(pid)} (pid {pid})";
        }

        return null;
    }

    private static void AddListeners(string table, int port, HashSet<string> inodes)
    {
        if (!File.Exists(table))
            return;
        var suffix = ":" + port.ToString("X4", CultureInfo.InvariantCulture);
        foreach (var line in File.ReadLines(table))
        {
            // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 9 && fields[1].EndsWith(suffix, StringComparison.Ordinal) && fields[3] == Listen)
                inodes.Add($"socket:[{fields[9]}]");
        }
    }

    private static bool Holds(string process, HashSet<string> inodes)
    {
        try
        {
            return Directory.EnumerateFiles(Path.Combine(process, "fd")).Any(link => new FileInfo(link).LinkTarget is { } target && inodes.Contains(target));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // Ended meanwhile, or another user's.
        }
    }

    private static string NameOf(int pid)
    {
        var command = ProcessTable.CommandOf(pid);
        if (command is null)
            return "a process";
        return command.Length > 60 ? command[..60] + "..." : command;
    }
}

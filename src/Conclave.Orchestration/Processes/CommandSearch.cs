namespace Conclave.Orchestration.Processes;

/// <summary>
/// Finds the program before anything is started. <c>posix_spawnp</c> would search the PATH of the parent and answer ENOENT alike for a missing program,
/// a missing directory and a missing interpreter; looking first gives each its own sentence.
/// </summary>
public static class CommandSearch
{
    /// <summary>The full path of <paramref name="command"/> as the child would find it.</summary>
    /// <exception cref="ProcessStartException">Not found, or found and not executable.</exception>
    public static string Resolve(string command, string directory, string? path)
    {
        if (command.Contains('/', StringComparison.Ordinal))
            return RequireExecutable(Path.GetFullPath(command, directory), command);

        string? refused = null;
        foreach (var folder in (path ?? "/usr/local/bin:/usr/bin:/bin").Split(':', StringSplitOptions.RemoveEmptyEntries))
        {
            var candidate = Path.Combine(Path.GetFullPath(folder, directory), command);
            if (!File.Exists(candidate))
                continue;
            if (Libc.Access(candidate, Libc.X_OK) == 0)
                return candidate;
            refused ??= candidate;
        }

        if (refused is not null)
            throw NotExecutable(refused);
        var hint = File.Exists(Path.Combine(directory, command)) ? $"; there is ./{command} in {directory}: write ./{command}" : "; install it or give its full path";
        throw new ProcessStartException(ProcessStartFailure.CommandNotFound, $"command not found: '{command}' is in no directory of PATH{hint}");
    }

    private static string RequireExecutable(string file, string command)
    {
        if (Directory.Exists(file))
            throw new ProcessStartException(ProcessStartFailure.NotExecutable, $"'{command}' is a directory; name the program in it");
        if (!File.Exists(file))
            throw new ProcessStartException(ProcessStartFailure.CommandNotFound, $"command not found: there is no file {file}; check the path, it is relative to the service's directory");
        return Libc.Access(file, Libc.X_OK) == 0 ? file : throw NotExecutable(file);
    }

    private static ProcessStartException NotExecutable(string file) =>
        new(ProcessStartFailure.NotExecutable, $"no permission to execute {file}; try: chmod +x {file}");
}

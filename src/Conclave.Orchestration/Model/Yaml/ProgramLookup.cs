namespace Conclave.Orchestration.Model.Yaml;

/// <summary>Finds the program of a command before anything is started, as <c>execvp</c> would: a name with a slash from the working directory,
/// any other in PATH.</summary>
internal static class ProgramLookup
{
    /// <summary>Null when the program is there and may be run.</summary>
    public static (string What, string Remedy)? Missing(ServiceSpec service)
    {
        var program = service.Command[0];
        if (program.Contains('{', StringComparison.Ordinal))
            return null;
        if (program.Contains('/', StringComparison.Ordinal))
        {
            var full = Path.GetFullPath(Path.Combine(service.Directory, program));
            if (Directory.Exists(full))
                return ($"{full} is a directory", "name the program in it");
            if (!File.Exists(full))
                return ($"there is no program {full}", "build it or correct the path, which is relative to the service's directory");
            return IsExecutable(full) ? null : ($"{full} may not be run", $"chmod +x {program}");
        }

        var path = service.Environment.TryGetValue("PATH", out var own) ? own : Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin";
        if (path.Split(':').Any(directory => directory.Length > 0 && IsExecutable(Path.Combine(directory, program))))
            return null;
        return File.Exists(Path.Combine(service.Directory, program))
            ? ($"there is no program '{program}' in PATH, but one in the service's directory", $"write ./{program}")
            : ($"there is no program '{program}' in PATH", "install it, or write its path with a slash");
    }

    private static bool IsExecutable(string path) =>
        File.Exists(path) && (OperatingSystem.IsWindows()
            || (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != UnixFileMode.None);
}

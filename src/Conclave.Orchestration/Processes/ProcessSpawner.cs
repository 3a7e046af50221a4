using System.Runtime.InteropServices;

namespace Conclave.Orchestration.Processes;

/// <summary>
/// Starts programs so that they outlive us: session of their own, output straight to a file, no descriptor but those named. Thread-safe.
/// </summary>
public static class ProcessSpawner
{
    private const int HighestChildDescriptor = 255;

    /// <summary>Starts <paramref name="spec"/> and watches it. When this returns, the program's image has replaced ours in the child.</summary>
    /// <exception cref="ProcessStartException">Nothing was started; the message says why and what to do.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public static SupervisedProcess Spawn(ProcessSpec spec)
    {
        Platform.Require();
        Validate(spec);
        var directory = RequireDirectory(spec);
        var environment = EnvironmentOf(spec);
        var path = CommandSearch.Resolve(spec.FileName, directory, environment.GetValueOrDefault("PATH"));

        using var descriptors = new ChildDescriptors(spec);
        using var request = new SpawnRequest(spec.NewSession);
        descriptors.AddTo(request);
        request.ChangeDirectory(directory);

        // The orphan reaper must not see the child before the child is known to be ours.
        lock (OwnChildren.Gate)
        {
            var error = request.Spawn(path, [spec.FileName, .. spec.Arguments], [.. environment.Select(pair => $"{pair.Key}={pair.Value}")], out var pid);
            if (error != 0)
                throw Refused(error, path, directory);
            OwnChildren.Add(pid);
            return SupervisedProcess.OfChild(pid);
        }
    }

    private static void Validate(ProcessSpec spec)
    {
        if (spec.FileName.Length == 0)
            throw new ProcessStartException(ProcessStartFailure.BadSpec, "the command is empty; name a program");

        var texts = spec.Arguments.Append(spec.FileName).Concat(spec.Environment.Keys).Concat(spec.Environment.Values.OfType<string>());
        if (texts.Any(text => text.Contains('\0', StringComparison.Ordinal)))
            throw new ProcessStartException(ProcessStartFailure.BadSpec, $"the command or environment of '{spec.FileName}' contains a NUL character; remove it");
        if (spec.Environment.Keys.FirstOrDefault(key => key.Length == 0 || key.Contains('=', StringComparison.Ordinal)) is { } bad)
            throw new ProcessStartException(ProcessStartFailure.BadSpec, $"'{bad}' cannot be the name of an environment variable");

        var targets = spec.InheritedDescriptors.Select(each => each.InChild).ToList();
        if (targets.Any(target => target is < 3 or > HighestChildDescriptor) || targets.Distinct().Count() != targets.Count)
            throw new ProcessStartException(ProcessStartFailure.BadSpec, $"inherited descriptors need distinct numbers from 3 to {HighestChildDescriptor} in the child");
    }

    private static string RequireDirectory(ProcessSpec spec)
    {
        var directory = Path.GetFullPath(spec.Directory ?? Environment.CurrentDirectory);
        if (File.Exists(directory))
            throw new ProcessStartException(ProcessStartFailure.BadDirectory, $"{directory} is a file; the service's directory must be a directory");
        if (!Directory.Exists(directory))
            throw new ProcessStartException(ProcessStartFailure.BadDirectory, $"there is no directory {directory}; create it or change the service's directory");
        if (Libc.Access(directory, Libc.X_OK) != 0)
            throw new ProcessStartException(ProcessStartFailure.BadDirectory, $"no permission to enter {directory}; it needs the x bit for this user");
        return directory;
    }

    private static SortedDictionary<string, string> EnvironmentOf(ProcessSpec spec)
    {
        var result = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (spec.InheritEnvironment)
        {
            foreach (System.Collections.DictionaryEntry pair in Environment.GetEnvironmentVariables())
                result[(string)pair.Key] = (string?)pair.Value ?? "";
        }

        foreach (var (name, value) in spec.Environment)
        {
            if (value is null)
                result.Remove(name);
            else
                result[name] = value;
        }

        return result;
    }

    private static ProcessStartException Refused(int error, string path, string directory) => error switch
    {
        Libc.ENOENT => new(ProcessStartFailure.NotExecutable, $"{path} cannot start: the interpreter named in its first line (or its loader) does not exist; install it or correct the #! line"),
        Libc.ENOEXEC => new(ProcessStartFailure.NotExecutable, $"{path} is not a program: no #! line and no executable format of this machine; start it with its interpreter"),
        Libc.EACCES => new(ProcessStartFailure.NotExecutable, $"no permission to execute {path} in {directory}; check the file, its interpreter and a noexec mount"),
        Libc.E2BIG => new(ProcessStartFailure.BadSpec, $"arguments and environment of {path} are too long for the kernel; shorten them"),
        Libc.EAGAIN or Libc.ENOMEM => new(ProcessStartFailure.NoResources, $"cannot start {path}: {Libc.ErrorText(error)}; raise the limit of processes (ulimit -u) or free memory"),
        _ => new(ProcessStartFailure.NoResources, $"cannot start {path}: {Libc.ErrorText(error)}"),
    };

    /// <summary>
    /// The descriptors of the child as one list of dup2. Each source is first copied above every target: then no dup2 overwrites a source that a later one needs,
    /// and source and target always differ, which is what clears close-on-exec.
    /// </summary>
    private sealed class ChildDescriptors : IDisposable
    {
        private readonly List<(int Copy, int Target)> _copies = [];
        private readonly int _highestTarget;

        public ChildDescriptors(ProcessSpec spec)
        {
            _highestTarget = spec.InheritedDescriptors.Select(each => each.InChild).Append(2).Max();
            try
            {
                AddStandardStreams(spec);
                foreach (var inherited in spec.InheritedDescriptors)
                    AddCopy(inherited.Ours, inherited.InChild);
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public void AddTo(SpawnRequest request)
        {
            foreach (var (copy, target) in _copies)
                request.Duplicate(copy, target);

            var targets = _copies.Select(each => each.Target).ToHashSet();
            for (var gap = 3; gap < _highestTarget; gap++)
            {
                if (!targets.Contains(gap))
                    request.CloseInChild(gap);
            }

            // Everything of .NET closes on exec; this is for descriptors that a native library opened without the flag.
            if (Libc.HasCloseFrom)
                request.CloseInChildFrom(_highestTarget + 1);
        }

        public void Dispose()
        {
            foreach (var copy in _copies.Select(each => each.Copy).Distinct())
                _ = Libc.Close(copy);
            _copies.Clear();
        }

        private void AddStandardStreams(ProcessSpec spec)
        {
            if (spec.InheritStandardStreams)
            {
                for (var stream = 0; stream <= 2; stream++)
                    AddCopy(stream, stream);
                return;
            }

            AddOpened("/dev/null", Libc.O_RDONLY, [0]);
            if (spec.LogFile is null)
                AddOpened("/dev/null", Libc.O_WRONLY, [1, 2]);
            else
                AddOpened(Path.GetFullPath(spec.LogFile), Libc.O_WRONLY | Libc.O_APPEND | Libc.O_CREAT, [1, 2]);
        }

        private void AddOpened(string path, int flags, int[] targets)
        {
            var opened = Libc.Open(path, flags | Libc.O_CLOEXEC, 0b110_100_000);
            if (opened < 0)
            {
                var reason = Libc.ErrorText(Marshal.GetLastPInvokeError());
                throw new ProcessStartException(ProcessStartFailure.LogNotWritable, $"cannot open {path} for the output of the process: {reason}; check the directory and its permissions");
            }

            foreach (var target in targets)
                AddCopy(opened, target);
            _ = Libc.Close(opened);
        }

        private void AddCopy(int descriptor, int target)
        {
            var copy = Libc.Fcntl(descriptor, Libc.F_DUPFD_CLOEXEC, _highestTarget + 1);
            if (copy < 0)
            {
                var reason = Libc.ErrorText(Marshal.GetLastPInvokeError());
                throw new ProcessStartException(ProcessStartFailure.BadSpec, $"cannot hand descriptor {descriptor} to the child as {target}: {reason}");
            }

            _copies.Add((copy, target));
        }
    }
}

using System.Globalization;
using Conclave.Orchestration.Model;
using Microsoft.Win32.SafeHandles;

namespace Conclave.Orchestration.Processes;

/// <summary>
/// Tells that the kernel has begun to end a process, by the end of one of its threads. The process itself counts as ended only when its last thread has given everything back: a killed server's memory alone takes
/// tens of milliseconds on a busy machine, while the other threads are gone within one. Best effort: nothing is told of a process of one thread, nor before Linux 6.9. Thread-safe.
/// </summary>
internal sealed class EndingWatch : IDisposable
{
    // One of them may be the last of the process, whose end comes no sooner than that of the process.
    private const int ThreadsAtOnce = 2;

    // A thread may also end by itself, and then another is watched. Where the oldest of them never live long, as with a thread for each request, that is given up.
    private const int ThreadsMax = 8;

    private readonly Lock _gate = new();
    private readonly ProcessIdentity _process;
    private readonly Action _ending;
    private readonly Dictionary<int, (SafeFileHandle Pidfd, long Watch)> _watched = [];
    private int _threads;
    private bool _over;

    /// <summary>Watches from <see cref="Begin"/> on.</summary>
    /// <param name="process">Held by the caller while this lives.</param>
    /// <param name="ending">Called once at most, on the watcher's thread; it must not block.</param>
    public EndingWatch(ProcessIdentity process, Action ending) => (_process, _ending) = (process, ending);

    /// <summary>Takes the oldest threads beside the first, which are there for as long as the process if any are. To be called when the process has its threads; again is harmless.</summary>
    public void Begin()
    {
        lock (_gate)
        {
            foreach (var thread in Threads().Where(thread => thread != _process.Pid).Order()) // by age, unless the numbers have begun anew
            {
                if (_over || _watched.Count == ThreadsAtOnce || _threads == ThreadsMax)
                    return;
                if (_watched.ContainsKey(thread))
                    continue;
                var descriptor = Libc.PidfdOpen(thread, Libc.PIDFD_THREAD);
                if (descriptor < 0)
                    continue; // gone meanwhile, or the kernel knows none for threads
                var pidfd = new SafeFileHandle(descriptor, ownsHandle: true);
                _watched.Add(thread, (pidfd, PidfdWatcher.Shared.Add(pidfd, () => OnThreadEnded(thread))));
                _threads++;
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _over = true;
            foreach (var thread in _watched.Keys.ToList())
                LetGo(thread);
        }
    }

    private void OnThreadEnded(int thread)
    {
        lock (_gate)
        {
            if (_over)
                return;
            LetGo(thread);
        }

        if (!IsEnding())
        {
            Begin();
            return;
        }

        Dispose();
        _ending();
    }

    private void LetGo(int thread)
    {
        if (!_watched.Remove(thread, out var watched))
            return;
        PidfdWatcher.Shared.Remove(watched.Watch);
        watched.Pidfd.Dispose();
    }

    /// <summary>
    /// When a process is to end, the kernel gives every thread a SIGKILL that nothing can hold back. So if each one that is left ends or has it, none will run the program's code again. One that has just
    /// taken its SIGKILL shows neither for a moment; then the end of the next thread, which is watched instead, brings us here again.
    /// </summary>
    private bool IsEnding() => _process.Find() is not null && Threads().All(thread => ProcessStat.Read(_process.Pid, thread) is not { } stat || stat.IsEnding || IsKilled(thread));

    /// <summary>Among the signals for this thread, or among those for the process, where one that came from outside stays.</summary>
    private bool IsKilled(int thread)
    {
        try
        {
            return File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Pid}/task/{thread}/status"))
                .Where(line => line.StartsWith("SigPnd:", StringComparison.Ordinal) || line.StartsWith("ShdPnd:", StringComparison.Ordinal))
                .Any(line => (ulong.Parse(line.AsSpan(line.IndexOf(':', StringComparison.Ordinal) + 1), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (Signal.Kill.Number - 1) & 1) == 1);
        }
        catch (IOException)
        {
            return true; // ended meanwhile
        }
        catch (UnauthorizedAccessException)
        {
            return false; // /proc mounted with hidepid: nobody can tell
        }
    }

    private IEnumerable<int> Threads()
    {
        try
        {
            return [.. Directory.EnumerateDirectories(string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Pid}/task")).Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture))];
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return []; // it has ended, or is hidden
        }
    }
}

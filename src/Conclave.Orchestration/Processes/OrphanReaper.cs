namespace Conclave.Orchestration.Processes;

/// <summary>
/// The duty of PID 1 in a container: processes whose parents died become its children, and stay zombies until it collects them. Children held by a
/// <see cref="SupervisedProcess"/> are left to it, because their exit code is wanted.
/// </summary>
public sealed class OrphanReaper(TimeProvider time)
{
    /// <summary>How long an orphan may stay a zombie; it holds nothing but its number. Default 1 s.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>True when this process has the duty.</summary>
    public static bool IsNeeded => OperatingSystem.IsLinux() && Environment.ProcessId == 1;

    /// <summary>Collects orphans until <paramref name="stopping"/>. Takes any child that no <see cref="SupervisedProcess"/> holds, so nothing else here may start processes.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
                _ = ReapOnce();
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // The ordinary end.
        }
    }

    /// <summary>Collects every child that ended and is nobody's here; returns how many.</summary>
    internal static unsafe int ReapOnce()
    {
        var reaped = 0;
        foreach (var pid in ZombieChildren())
        {
            // Under the gate a child cannot be between its start and its entry.
            lock (OwnChildren.Gate)
            {
                if (OwnChildren.Contains(pid))
                    continue;
                Libc.SigInfo status = default;
                if (Libc.WaitId(Libc.P_PID, pid, &status, Libc.WEXITED | Libc.WNOHANG) == 0 && status.Pid == pid)
                    reaped++;
            }
        }

        return reaped;
    }

    /// <summary>
    /// Looked up in /proc rather than asked by waitid(P_ALL): that names one child at a time and would go on naming the same one
    /// while its owner has not collected it.
    /// </summary>
    private static IEnumerable<int> ZombieChildren()
    {
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), out var pid) && ProcessStat.Read(pid) is { State: 'Z' } stat && stat.ParentPid == Environment.ProcessId)
                yield return pid;
        }
    }
}

using System.Globalization;

namespace Conclave.Orchestration.Processes;

/// <summary>
/// One process of one boot, and never a later one that got the same number. Kept in instance records as JSON.
/// </summary>
/// <param name="Pid">Its number; reused by the kernel.</param>
/// <param name="StartTime">Clock ticks from boot to its start (<c>/proc/&lt;pid&gt;/stat</c> field 22); survives exec.</param>
/// <param name="BootId">The kernel's identifier of this boot.</param>
public readonly record struct ProcessIdentity(int Pid, long StartTime, string BootId)
{
    private static readonly Lazy<string> ThisBoot = new(() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim());

    /// <summary>This process.</summary>
    public static ProcessIdentity Own => Of(Environment.ProcessId) ?? throw new InvalidOperationException("/proc is not mounted; conclave up needs it");

    /// <summary>The process that has this number now; null when there is none. A process that ended but was not collected yet still has one.</summary>
    public static ProcessIdentity? Of(int pid) =>
        ProcessStat.Read(pid) is { } stat ? new ProcessIdentity(pid, stat.StartTime, ThisBoot.Value) : null;

    /// <summary>True while exactly this process runs or is stopped; false once it ended, even if its number lives on.</summary>
    public bool IsAlive() => Find() is { HasEnded: false };

    /// <summary>True when a signal (SIGSTOP) holds it. Also false when it has ended.</summary>
    public bool IsStopped() => Find() is { State: 'T' };

    /// <summary>The kernel's view of exactly this process; null when it is gone or its number belongs to another.</summary>
    internal ProcessStat? Find()
    {
        if (Pid <= 0 || !string.Equals(BootId, ThisBoot.Value, StringComparison.Ordinal))
            return null;
        var stat = ProcessStat.Read(Pid);
        return stat?.StartTime == StartTime ? stat : null;
    }

    /// <summary><c>pid 4711</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"pid {Pid}");
}

using System.Globalization;
using System.Runtime.InteropServices;

namespace Conclave.Bench.SelfHeal.Host;

/// <summary>Signals, and what /proc says of processes.</summary>
internal static partial class Kernel
{
    public const int SigKill = 9;
    public const int SigTerm = 15;
    public const int SigStop = 19;
    private const int TicksPerSecond = 100; // USER_HZ, the same on every Linux that .NET runs on

    public static void Signal(int pid, int signal)
    {
        if (Kill(pid, signal) != 0)
            throw new InvalidOperationException($"kill({pid}, {signal}): {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>Sleeps to within 0.1 ms. <see cref="Thread.Sleep(int)"/> knows milliseconds only, and to spin for the rest takes a core from what is measured.</summary>
    public static void Sleep(long ns)
    {
        var time = new TimeSpec { Seconds = ns / 1_000_000_000, Nanoseconds = ns % 1_000_000_000 };
        _ = NanoSleep(in time, 0); // a signal may end it early; the caller looks at the clock again
    }

    /// <summary>For the end of a run: the process may be gone already.</summary>
    public static void TryKill(int pid)
    {
        if (pid > 1)
            _ = Kill(pid, SigKill);
    }

    /// <summary>Its only child, 0 when it has none now.</summary>
    public static int ChildOf(int pid)
    {
        try
        {
            var first = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/task/{pid}/children")).Split(' ')[0];
            return int.TryParse(first, CultureInfo.InvariantCulture, out var child) ? child : 0;
        }
        catch (IOException)
        {
            return 0; // it has ended
        }
    }

    /// <summary>Processor time that a process has used since it began.</summary>
    public static TimeSpan ProcessorTime(int pid)
    {
        var stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat"));
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        var ticks = long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture);
        return TimeSpan.FromSeconds((double)ticks / TicksPerSecond);
    }

    /// <summary>Resident memory in megabytes (10^6 bytes).</summary>
    public static double ResidentMb(int pid)
    {
        var line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/status")).First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
        return long.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) * 1024 / 1e6;
    }

    public static string LoadAverage() => string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ').Take(3));

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int NanoSleep(in TimeSpec time, nint remaining);

    private struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}

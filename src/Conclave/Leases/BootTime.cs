using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Conclave;

/// <summary>
/// The clock that leases are counted on. On Linux its timestamps are <c>CLOCK_BOOTTIME</c>, which nobody can set and which also runs while the machine
/// sleeps: a laptop or a VM that was suspended past its lease learns so from its first reading, where the monotonic clock of
/// <see cref="Stopwatch"/> would have stood still. Elsewhere it is <see cref="TimeProvider.System"/>. Thread-safe.
/// </summary>
/// <remarks>
/// Timers are the framework's and stand still during sleep, which is why a lease is checked at each act and re-checked by a short timer rather than by one long one.
/// </remarks>
public sealed partial class BootTime : TimeProvider
{
    private const int ClockBootTime = 7;
    private const long NanosecondsPerSecond = 1_000_000_000;

    // The layout below is that of 64-bit Linux.
    private static readonly bool Supported = OperatingSystem.IsLinux() && Environment.Is64BitProcess && TryRead(out _);

    private BootTime() { }

    /// <summary>The only instance.</summary>
    public static BootTime Provider { get; } = new();

    /// <inheritdoc/>
    public override long TimestampFrequency => Supported ? NanosecondsPerSecond : Stopwatch.Frequency;

    /// <inheritdoc/>
    public override long GetTimestamp()
    {
        if (!Supported)
            return Stopwatch.GetTimestamp();
        if (!TryRead(out var now))
            throw new InvalidOperationException($"clock_gettime(CLOCK_BOOTTIME) failed with error {Marshal.GetLastPInvokeError()} after it had worked.");
        return now;
    }

    private static bool TryRead(out long nanoseconds)
    {
        var answered = ClockGetTime(ClockBootTime, out var time) == 0;
        nanoseconds = (time.Seconds * NanosecondsPerSecond) + time.Nanoseconds;
        return answered;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime", SetLastError = true)]
    private static partial int ClockGetTime(int clock, out TimeSpec time);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct TimeSpec
    {
        public readonly long Seconds;
        public readonly long Nanoseconds;
    }
}

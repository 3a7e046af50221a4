using System.Diagnostics;

namespace Conclave.Bench.Elections.Machine;

/// <summary>CLOCK_MONOTONIC in nanoseconds: comparable between all processes of the machine, those in Go and Python too.</summary>
internal static class Clock
{
    public static long Ns => Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency);

    public static double MsBetween(long from, long to) => (to - from) / 1e6;
}

using System.Diagnostics;

namespace Conclave.Bench.SelfHeal.Host;

/// <summary>CLOCK_MONOTONIC, as in the product's events: comparable between all processes of the host.</summary>
internal static class Clock
{
    public static long Ns => Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency);

    public static double MsSince(long ns) => (Ns - ns) / 1e6;
}

using System.Diagnostics;
using Conclave.Orchestration;

namespace Conclave.Cli.Demo;

/// <summary>Waits for conditions, by their names.</summary>
internal static class Waits
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);

    /// <summary>It says that something never happens, not that it is slow.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    /// <param name="condition">Named in the failure.</param>
    /// <param name="holds">Asked again and again.</param>
    /// <param name="stopping">Ends the waiting.</param>
    /// <param name="progress">A number that grows while things move on; the patience counts from its last change.</param>
    /// <exception cref="ConclaveException">It does not come.</exception>
    public static async Task UntilAsync(string condition, Func<Task<bool>> holds, CancellationToken stopping, Func<long>? progress = null)
    {
        var (last, since) = (long.MinValue, Stopwatch.GetTimestamp());
        while (!await holds())
        {
            if (progress?.Invoke() is { } now && now != last)
                (last, since) = (now, Stopwatch.GetTimestamp());
            if (Stopwatch.GetElapsedTime(since) > Patience)
                throw new ConclaveException($"nothing happened for {Patience.TotalSeconds:0} s while waiting until {condition}");
            await Task.Delay(Look, stopping);
        }
    }
}

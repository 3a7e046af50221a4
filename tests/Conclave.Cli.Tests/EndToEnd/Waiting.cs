using System.Diagnostics;

namespace Conclave.Cli.Tests.EndToEnd;

/// <summary>Waits for named conditions. The deadline is generous: it says that something never happens, not that it is slow.</summary>
internal static class Waiting
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(50);

    public static Task UntilAsync(string condition, Func<bool> holds, Func<string> instead) =>
        UntilAsync(condition, () => Task.FromResult(holds()), instead);

    /// <param name="condition">Named in the failure.</param>
    /// <param name="holds">Asked again and again.</param>
    /// <param name="instead">What there was instead, for the failure.</param>
    public static async Task UntilAsync(string condition, Func<Task<bool>> holds, Func<string> instead)
    {
        var began = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            if (Stopwatch.GetElapsedTime(began) > Deadline)
                throw new TimeoutException($"waited {Deadline.TotalSeconds:0} s until {condition}; {instead()}");
            await Task.Delay(Look);
        }
    }
}

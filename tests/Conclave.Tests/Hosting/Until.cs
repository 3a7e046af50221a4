using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Conclave.Tests.Hosting;

/// <summary>Waits for a named condition, on the real clock and with a generous deadline.</summary>
internal static class Until
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    public static async Task HoldsAsync(Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string? name = null)
    {
        var started = Stopwatch.GetTimestamp();
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, $"In vain awaited: {name}");
            await Task.Delay(1);
        }
    }

    /// <summary>Moves fake time on in small steps until the condition holds, and says how far. Each step waits for nobody, so the answer may be too long by what the code under test lagged behind.</summary>
    public static async Task<TimeSpan> HoldsInAsync(FakeTime time, TimeSpan step, Func<bool> condition, [CallerArgumentExpression(nameof(condition))] string? name = null)
    {
        var started = Stopwatch.GetTimestamp();
        var moved = TimeSpan.Zero;
        while (!condition())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, $"In vain awaited: {name}");
            time.Advance(step);
            moved += step;
            await Task.Delay(2);
        }

        return moved;
    }
}

using System.Diagnostics;

namespace Conclave.Contract;

/// <summary>Conditions awaited by name, with a generous deadline.</summary>
public static class Awaited
{
    public static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    public static async Task UntilAsync(string condition, Func<Task<bool>> holds)
    {
        var started = Stopwatch.GetTimestamp();
        while (!await holds())
        {
            Assert.True(Stopwatch.GetElapsedTime(started) < Deadline, $"In vain awaited: {condition}");
            await Task.Delay(10);
        }
    }

    public static Task UntilAsync(string condition, Func<bool> holds) => UntilAsync(condition, () => Task.FromResult(holds()));

    public static Task LostAsync(Leadership leadership) => UntilAsync("Lost", () => leadership.Lost.IsCancellationRequested);

    public static Task<Leadership> ElectedAsync(ILeaderElection candidate) => candidate.CampaignAsync(default).WaitAsync(Deadline);

    /// <summary>Once from now on.</summary>
    public static Task RenewedAsync(Leadership leadership)
    {
        var before = leadership.EndsAt;
        return UntilAsync("the lease is renewed", () =>
        {
            Assert.True(leadership.IsHeld, $"the leadership is lost: {leadership.LossReason}");
            return leadership.EndsAt > before;
        });
    }
}

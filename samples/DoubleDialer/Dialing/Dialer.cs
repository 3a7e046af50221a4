namespace Conclave.Samples.DoubleDialer.Dialing;

/// <summary>Calls the customers each day, on the instance that leads.</summary>
internal sealed class Dialer(DialerOptions options, Campaigns campaigns, TelephonyClient telephony) : LeaderBackgroundService
{
    private static readonly TimeSpan LongestSleep = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(Leadership leadership, CancellationToken stoppingToken)
    {
        Say($"leads with token {leadership.FencingToken}");
        while (true)
        {
            var due = NextDue();
            await UntilAsync(due, stoppingToken);
            var day = DateOnly.FromDateTime(due.UtcDateTime);
            var called = campaigns.Called(day);
            Say($"calls the customers of {day:yyyy-MM-dd}; {called.Count} of {options.Customers} were called before");
            using var notes = campaigns.Begin(day, leadership.FencingToken);
            await Parallel.ForEachAsync(
                Enumerable.Range(1, options.Customers).Where(customer => !called.Contains(customer)),
                new ParallelOptions { MaxDegreeOfParallelism = options.Lines, CancellationToken = stoppingToken },
                async (customer, failing) =>
                {
                    await telephony.CallAsync(day, customer, failing);
                    notes.Called(customer);
                });
            Say($"has called the customers of {day:yyyy-MM-dd}");
        }
    }

    /// <summary>A campaign that a former leader began and did not end comes first.</summary>
    private DateTimeOffset NextDue()
    {
        if (campaigns.Latest() is not { } last)
            return options.Cron.FirstFor(options.Began);
        return campaigns.Called(last).Count < options.Customers ? new DateTimeOffset(last, options.Cron.At, TimeSpan.Zero) : options.Cron.FollowingOn(last);
    }

    internal static async Task UntilAsync(DateTimeOffset due, CancellationToken stopping)
    {
        // In short pieces: a clock that is set must not make us sleep through nine.
        while (due - DateTimeOffset.UtcNow is { Ticks: > 0 } left)
            await Task.Delay(left < LongestSleep ? left : LongestSleep, stopping);
    }

    internal static void Say(FormattableString what) =>
        Console.WriteLine(FormattableString.Invariant($"{DateTime.UtcNow:HH:mm:ss.fff} {CandidateName.Default} {FormattableString.Invariant(what)}"));
}

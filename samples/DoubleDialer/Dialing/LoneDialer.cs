namespace Conclave.Samples.DoubleDialer.Dialing;

/// <summary>The same work as it was when there was one instance. Run five, and each customer is called five times.</summary>
internal sealed class LoneDialer(DialerOptions options, TelephonyClient telephony) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var due = options.Cron.FirstFor(options.Began); ; due = options.Cron.FollowingOn(DateOnly.FromDateTime(due.UtcDateTime)))
        {
            await Dialer.UntilAsync(due, stoppingToken);
            var day = DateOnly.FromDateTime(due.UtcDateTime);
            Dialer.Say($"calls the customers of {day:yyyy-MM-dd}");
            await Parallel.ForEachAsync(
                Enumerable.Range(1, options.Customers),
                new ParallelOptions { MaxDegreeOfParallelism = options.Lines, CancellationToken = stoppingToken },
                async (customer, failing) => await telephony.CallAsync(day, customer, failing));
            Dialer.Say($"has called the customers of {day:yyyy-MM-dd}");
        }
    }
}

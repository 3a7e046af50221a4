using System.Globalization;

namespace Conclave.Samples.DoubleDialer.Dialing;

/// <summary>
/// A cron entry of a daily job: <c>0 9 * * *</c>, or with the seconds first, <c>30 0 9 * * *</c>, in UTC. Other entries are refused: a campaign is named after its day, so there is one a day.
/// </summary>
internal readonly record struct DailyCron(TimeOnly At)
{
    /// <summary>An instance that starts this long after nine still takes part: where it was nine a moment ago, nobody should wait for tomorrow.</summary>
    private static readonly TimeSpan LateMax = TimeSpan.FromMinutes(1);

    /// <exception cref="UsageException">It is another kind of entry.</exception>
    public static DailyCron Parse(string entry)
    {
        string[] fields = entry.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length == 5)
            fields = ["0", .. fields];
        if (fields is [var second, var minute, var hour, "*", "*", "*"]
            && TimeOnly.TryParseExact($"{hour}:{minute}:{second}", "H:m:s", CultureInfo.InvariantCulture, DateTimeStyles.None, out var at))
            return new DailyCron(at);
        throw new UsageException($"--cron '{entry}' is not a daily entry; write 'MINUTE HOUR * * *', such as '0 9 * * *', or with the seconds first");
    }

    /// <summary>The first campaign for an instance that began at this moment.</summary>
    public DateTimeOffset FirstFor(DateTimeOffset began) => After(began - LateMax);

    /// <summary>The campaign after that of a day.</summary>
    public DateTimeOffset FollowingOn(DateOnly day) => Of(day.AddDays(1));

    private DateTimeOffset After(DateTimeOffset moment)
    {
        var day = DateOnly.FromDateTime(moment.UtcDateTime);
        return Of(day) > moment ? Of(day) : FollowingOn(day);
    }

    private DateTimeOffset Of(DateOnly day) => new(day, At, TimeSpan.Zero);
}

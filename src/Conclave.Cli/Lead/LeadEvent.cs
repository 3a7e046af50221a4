namespace Conclave.Cli.Lead;

/// <summary>What <c>lead</c> and <c>lock</c> tell while they run. A closed set.</summary>
internal abstract record LeadEvent
{
    private LeadEvent()
    {
    }

    /// <summary>It stands in the election and waits for its turn.</summary>
    public sealed record Waiting : LeadEvent;

    /// <summary>It leads. <paramref name="LostAt"/> is until when, unless the lease is renewed.</summary>
    public sealed record Elected(FencingToken FencingToken, DateTimeOffset? LostAt) : LeadEvent;

    /// <summary>The turn did not come in the time that was given.</summary>
    public sealed record NotElected(TimeSpan Waited) : LeadEvent;

    /// <summary>The program runs, and is this process.</summary>
    public sealed record Started(int Pid) : LeadEvent;

    /// <summary>The program ended by itself or because somebody asked us to end.</summary>
    public sealed record Exited(int Code) : LeadEvent;

    /// <summary>The leadership is over or its guard failed; nothing of the program runs any more.</summary>
    public sealed record Lost(string Why) : LeadEvent;

    /// <summary>It gave the leadership up: the next one leads.</summary>
    public sealed record Resigned : LeadEvent;

    /// <summary>The command itself ends with this code, and why.</summary>
    public sealed record Failed(int Code, string Why) : LeadEvent;
}

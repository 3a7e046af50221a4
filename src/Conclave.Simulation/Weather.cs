namespace Conclave.Simulation;

/// <summary>
/// What a cluster has to live through: probabilities from 0 to 1, weights of faults against each other, times in microseconds, and sizes small enough
/// for a short run to reach every corner. One profile is drawn from the seed.
/// </summary>
public sealed record Weather
{
    /// <summary>For people.</summary>
    public required string Name { get; init; }

    /// <summary>A message is lost.</summary>
    public double Loss { get; init; }

    /// <summary>A message arrives twice. Forwarded proposals never do: streams lose, but do not repeat, and whoever sent one does not send it again.</summary>
    public double Repeat { get; init; }

    /// <summary>A message takes much longer than others and is overtaken; all others keep their order.</summary>
    public double Late { get; init; } = 0.005;

    /// <summary>The longest that a late message takes.</summary>
    public long LateMax { get; init; } = 300_000;

    /// <summary>The longest that a message takes otherwise.</summary>
    public long LatencyMax { get; init; } = 3_000;

    /// <summary>The longest that a flush takes.</summary>
    public long FlushMax { get; init; } = 3_000;

    /// <summary>Clocks run faster or slower than true time by up to this part.</summary>
    public double ClockDrift { get; init; } = 0.03;

    /// <summary>In every second run members wait that many ticks at most for a leader when they have just started, instead of an election timeout; 0: in none.</summary>
    public int FirstElectionTicksMax { get; init; } = 7;

    /// <summary>From one fault to the next, at most.</summary>
    public long QuietMax { get; init; } = 1_500_000;

    /// <summary>Weight: two sides that do not hear each other.</summary>
    public int Partition { get; init; } = 2;

    /// <summary>Weight: a member is heard and does not hear, or the other way round.</summary>
    public int OneWay { get; init; } = 1;

    /// <summary>Weight: kill -9; the page cache survives.</summary>
    public int Kill { get; init; } = 2;

    /// <summary>Weight: a member's machine loses power, mostly in the middle of writing.</summary>
    public int PowerLoss { get; init; } = 2;

    /// <summary>Weight: all lose power at once.</summary>
    public int Blackout { get; init; } = 1;

    /// <summary>Weight: a process stands still and goes on.</summary>
    public int Pause { get; init; } = 1;

    /// <summary>Weight: a flush fails.</summary>
    public int FailedFlush { get; init; } = 1;

    /// <summary>A new leader falls shortly after its election.</summary>
    public double LeaderFalls { get; init; }

    /// <summary>A member falls shortly after it voted, and is back at once.</summary>
    public double VoterFalls { get; init; }

    /// <summary>The longest that a fallen member stays down.</summary>
    public long DownMax { get; init; } = 2_500_000;

    /// <summary>Append messages under way to one member.</summary>
    public int MaxInFlightAppends { get; init; } = 16;

    /// <summary>Bytes of entries in one append message.</summary>
    public int MaxAppendBytes { get; init; } = 8 << 10;

    /// <summary>Entries from one snapshot to the next.</summary>
    public int SnapshotEntries { get; init; } = 120;

    /// <summary>Entries kept behind a snapshot.</summary>
    public int TrailingEntries { get; init; } = 40;

    /// <summary>The profiles.</summary>
    public static IReadOnlyList<Weather> Profiles { get; } =
    [
        new() { Name = "fair", Loss = 0.001, Repeat = 0.001, QuietMax = 4_000_000 },
        new() { Name = "lossy", Loss = 0.05, Repeat = 0.05, Late = 0.05, Partition = 3, OneWay = 3 },
        new() { Name = "outages", Loss = 0.005, Kill = 4, PowerLoss = 5, Blackout = 2, QuietMax = 1_000_000, SnapshotEntries = 60, TrailingEntries = 10 },
        new() { Name = "bad disks", PowerLoss = 4, FailedFlush = 6, FlushMax = 40_000, SnapshotEntries = 40, TrailingEntries = 5, Pause = 2 },
        new() { Name = "slow", LatencyMax = 40_000, Late = 0.02, FlushMax = 80_000, Pause = 5, Partition = 3, Loss = 0.01, LateMax = 1_500_000 },
        new()
        {
            // Raft figure 8: leaders that fall with entries that only some hold, one entry to a message.
            Name = "falling leaders", LeaderFalls = 0.4, VoterFalls = 0.02, MaxInFlightAppends = 1, MaxAppendBytes = 1, LatencyMax = 6_000, Loss = 0.01,
            Late = 0.05, LateMax = 150_000, Kill = 5, PowerLoss = 1, DownMax = 1_000_000, QuietMax = 2_000_000, SnapshotEntries = 400, TrailingEntries = 200,
        },
        new()
        {
            Name = "forgetful voters", LeaderFalls = 0.2, VoterFalls = 0.4, LatencyMax = 40_000, Late = 0.15, LateMax = 400_000, Kill = 4, PowerLoss = 2,
            DownMax = 60_000, QuietMax = 800_000,
        },
    ];
}

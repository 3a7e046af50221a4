namespace Conclave.Store.Leases;

/// <summary>How the lease table counts time. Checked once, at start.</summary>
public sealed record LeaseOptions
{
    /// <summary>How many calls of <see cref="LeaseTable.Tick"/> make a second. Default 10: the server ticks with its heartbeat, every 100 ms.</summary>
    public int TicksPerSecond { get; init; } = 10;

    /// <summary>How many expired leases are handed out per <see cref="LeaseTable.Expired"/>, so that a mass expiry does not crowd out writes. Default 100.</summary>
    public int ExpiredMax { get; init; } = 100;

    /// <summary>After how many ticks an expired lease is handed out again if its revocation has not been applied. Default 20.</summary>
    public int RevokeRetryTicks { get; init; } = 20;

    /// <summary>How many ticks that are late may come at once, instead of a tick's duration apart. Default 0: none does.</summary>
    public int CaughtUpTicks { get; init; }

    /// <summary>What a TTL counts: so many make a second. Default 1, etcd's seconds. The same on all members for as long as their logs live.</summary>
    public int UnitsPerSecond { get; init; } = 1;

    internal LeaseOptions Checked() =>
        TicksPerSecond > 0 && UnitsPerSecond > 0 && CaughtUpTicks >= 0 && ExpiredMax > 0 && RevokeRetryTicks > 0
            ? this
            : throw new InvalidOperationException($"Every lease option must be above zero: {this}.");
}

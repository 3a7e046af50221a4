namespace Conclave.Store;

/// <summary>
/// Bounds on what a client may ask. They are checked once, at the door (<see cref="CommandGate"/>), and never while applying: members that
/// were started with different bounds must still reach the same state.
/// </summary>
public sealed record StoreLimits
{
    /// <summary>Compares, and operations of either branch, in one transaction. Default 128, as in etcd.</summary>
    public int TxnOps { get; init; } = 128;

    /// <summary>Transactions within transactions. Default 8; the encoding itself ends at <see cref="CommandCodec.TxnDepthMax"/>.</summary>
    public int TxnDepth { get; init; } = 8;

    /// <summary>The shortest lease, in seconds; shorter ones are raised. Default 2 (1.5 × an election timeout of 1 s, rounded up).</summary>
    public long LeaseTtlMin { get; init; } = 2;

    /// <summary>The longest lease, in seconds. Default 9,000,000,000, as in etcd.</summary>
    public long LeaseTtlMax { get; init; } = 9_000_000_000;
}

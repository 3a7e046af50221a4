namespace Conclave.Orchestration.Events;

/// <summary>Bounds of one node's event log.</summary>
public sealed record EventLogOptions
{
    /// <summary>A segment that reached this many bytes is closed and a new one begun. Default 1 MiB, some 4,000 events.</summary>
    public int SegmentBytes { get; init; } = 1 << 20;

    /// <summary>Segments kept; the oldest is deleted first. Default 8.</summary>
    public int Segments { get; init; } = 8;

    /// <summary>Longest <see cref="ClusterEvent.Why"/> in characters; the rest is cut. Default 500.</summary>
    public int WhyLength { get; init; } = 500;
}

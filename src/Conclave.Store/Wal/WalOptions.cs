namespace Conclave.Store.Wal;

/// <summary>Sizes of the write-ahead log.</summary>
public sealed record WalOptions
{
    /// <summary>A segment that has reached this many bytes is closed and the next one begun. Default 64 MiB.</summary>
    public long SegmentBytes { get; init; } = 64L << 20;

    /// <summary>Entries of one turn beyond this many bytes go into several records, each flushed before the next. Default 16 MiB.</summary>
    public int MaxRecordBytes { get; init; } = 16 << 20;
}

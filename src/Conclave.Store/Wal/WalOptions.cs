namespace Conclave.Store.Wal;

/// <summary>Sizes of the write-ahead log.</summary>
public sealed record WalOptions
{
    /// <summary>A segment that has reached this many bytes is closed and the next one begun. Default 64 MiB.</summary>
    public long SegmentBytes { get; init; } = 64L << 20;

    /// <summary>
    /// The active segment is allocated ahead by this many bytes, as far as <see cref="SegmentBytes"/>, so that most flushes change no metadata; 0 lets it grow with each record.
    /// A disk that has no room for it costs speed only. Default 8 MiB.
    /// </summary>
    public int AllocateBytes { get; init; } = 8 << 20;

    /// <summary>Entries of one turn beyond this many bytes go into several records, each flushed before the next. Default 16 MiB.</summary>
    public int MaxRecordBytes { get; init; } = 16 << 20;
}

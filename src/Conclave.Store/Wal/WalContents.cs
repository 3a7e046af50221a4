using Conclave.Consensus.Raft;

namespace Conclave.Store.Wal;

/// <summary>What the log held when it was opened.</summary>
/// <param name="HardState">The newest one written.</param>
/// <param name="Mark">The newest snapshot that the log knows to be durable; the log may lack entries up to it.</param>
/// <param name="Entries">Contiguous. May begin before <paramref name="Mark"/> and need not reach it.</param>
/// <param name="CutBytes">Bytes of a torn last record that were cut, up to the last that is not zero; 0 when the log ended cleanly.</param>
internal sealed record WalContents(HardState HardState, SnapshotMark? Mark, IReadOnlyList<Entry> Entries, long CutBytes);

using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store.Leases;
using Conclave.Store.Snapshots;
using Conclave.Store.Wal;
using Conclave.Store.Watch;

namespace Conclave.Store;

/// <summary>Starting from what the disk holds: the newest whole snapshot, and the log after it.</summary>
public sealed partial class Replica
{
    /// <summary>Opens (or begins) the member in <paramref name="disk"/>. <paramref name="random"/> must be seeded by the caller.</summary>
    /// <exception cref="DamagedFileException">Something that was durable is not what was written.</exception>
    /// <exception cref="ForeignDirectoryException">Another member's or cluster's directory, or a newer format.</exception>
    /// <exception cref="DiskFailedException">The disk refused.</exception>
    public static Replica Open(ReplicaOptions options, IDisk disk, IReplicaOutput output, Random random)
    {
        var wal = WriteAheadLog.Open(disk, new DirectoryOwner(options.Cluster, options.Raft.Id), options.Wal, out var log);
        try
        {
            var snapshots = SnapshotFiles.Open(disk, options.Cluster, options.SnapshotsKept);
            var snapshot = snapshots.LoadNewest();
            RequireBridge(log, snapshot?.Mark, snapshots);
            var restored = Restore(log, snapshot?.Mark, options.InitialMembership, out var logIsReplaced);
            if (logIsReplaced)
                wal.Reset(snapshot!.Mark, restored.HardState, restored.Entries);
            snapshots.RemoveDamaged();

            var applier = new Applier(new LeaseOptions { TicksPerSecond = Math.Max(1, (int)Math.Ceiling(TimeSpan.FromSeconds(1) / options.TickDuration)), CaughtUpTicks = options.CaughtUpTicks, UnitsPerSecond = options.LeaseUnitsPerSecond }, options.Watches);
            if (snapshot is not null)
                applier.Restore([snapshot.Body]);
            var raft = new RaftNode(options.Raft, restored, random);
            return new Replica(options, output, wal, snapshots, applier, raft, snapshot?.Mark, random);
        }
        catch
        {
            wal.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The log names the newest snapshot that was durable. What was loaded is that one, a newer one, or an older one because that one is
    /// damaged; then the entries between must be there, or acknowledged writes would silently be gone.
    /// </summary>
    private static void RequireBridge(WalContents log, SnapshotMark? loaded, SnapshotFiles snapshots)
    {
        var isFreshLog = log.Entries.Count == 0 && log.Mark is null && log.HardState == default;
        if (isFreshLog && loaded is not null)
            throw new DamagedFileException(WriteAheadLog.Directory, 0, "there is a snapshot but no log: term and vote are lost");
        if (log.Mark is null)
            return;
        var newest = snapshots.Ids.Count > 0 ? SnapshotFiles.PathOf(snapshots.Ids[^1]) : SnapshotFiles.PathOf(log.Mark.Last);
        if (loaded is null)
            throw new DamagedFileException(newest, 0, "the snapshot is missing");
        if (loaded.Last.Index >= log.Mark.Last.Index)
            return;
        var reachesBack = log.Entries.Count > 0 && log.Entries[0].Index <= loaded.Last.Index.Next;
        var reachesOn = log.Entries.Count > 0 && log.Entries[^1].Index >= log.Mark.Last.Index;
        if (!reachesBack || !reachesOn)
            throw new DamagedFileException(SnapshotFiles.PathOf(log.Mark.Last), 0, $"the snapshot is damaged or missing, and the log does not reach back to the one before it ({loaded.Last})");
    }

    /// <summary>
    /// What the algorithm goes on from. <paramref name="logIsReplaced"/>: the snapshot came from a leader, and the crash came before the log said so;
    /// the log must now say it.
    /// </summary>
    private static RestoredState Restore(WalContents log, SnapshotMark? snapshot, Membership initial, out bool logIsReplaced)
    {
        logIsReplaced = false;
        if (snapshot is null)
        {
            if (log.Entries.Count > 0 && log.Entries[0].Index != new LogIndex(1))
                throw new DamagedFileException(WriteAheadLog.Directory, 0, $"the log begins at entry {log.Entries[0].Index} and there is no snapshot before it");
            return new RestoredState(log.HardState, null, log.Entries, initial);
        }

        var last = snapshot.Last;
        var holdsIt = log.Entries.Any(e => e.Id == last);
        var followsIt = log.Entries.Count > 0 && log.Entries[0].Index == last.Index.Next;
        var isKnown = log.Mark?.Last == last;
        logIsReplaced = !holdsIt && !(followsIt && isKnown) && !(isKnown && log.Entries.Count == 0);
        IReadOnlyList<Entry> entries = logIsReplaced ? [] : [.. log.Entries.Where(e => e.Index > last.Index)];

        // A snapshot is committed state, and its term has been reached by whoever holds it.
        var hard = log.HardState;
        if (hard.Term < last.Term)
            hard = hard with { Term = last.Term, Vote = null };
        if (hard.Commit < last.Index)
            hard = hard with { Commit = last.Index };
        return new RestoredState(hard, snapshot, entries, initial);
    }
}

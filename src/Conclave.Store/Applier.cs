using Conclave.Consensus;
using Conclave.Consensus.Raft;
using Conclave.Store.Leases;
using Conclave.Store.Mvcc;
using Conclave.Store.Watch;

namespace Conclave.Store;

/// <summary>What a member tells of itself through the log.</summary>
public sealed record MemberAttributes(string Name, IReadOnlyList<string> PeerUrls, IReadOnlyList<string> ClientUrls);

/// <summary>
/// The state machine: committed entries in, results out. The same entries make the same state on every member; nothing else (options, time, role)
/// has a say in it. Owned by the replica's loop.
/// </summary>
public sealed partial class Applier
{
    /// <summary>
    /// Each entry pays for this many events of compacted history, so that garbage shrinks faster than history can grow (one entry writes
    /// at most a few hundred) and no entry waits noticeably.
    /// </summary>
    private const int TrimPerEntry = 1_000;

    private readonly SortedDictionary<PeerId, MemberAttributes> _members = [];

    /// <summary>The empty state, before the first entry.</summary>
    public Applier(LeaseOptions leases, WatchOptions watches)
    {
        Leases = new LeaseTable(leases);
        Watches = new WatchHub(Store, watches);
    }

    /// <summary>The keys.</summary>
    public MvccStore Store { get; } = new();

    /// <summary>The leases. Its clock runs only on the leader.</summary>
    public LeaseTable Leases { get; }

    /// <summary>The watches of this member's clients.</summary>
    public WatchHub Watches { get; }

    /// <summary>What members have published, by id.</summary>
    public IReadOnlyDictionary<PeerId, MemberAttributes> Members => _members;

    /// <summary>The last entry applied.</summary>
    public EntryId Applied { get; private set; }

    /// <summary>
    /// Applies the entry after <see cref="Applied"/> and tells the watchers. Null when the entry carries no command. An entry that cannot be decoded ends
    /// the replica: the others may have understood it.
    /// </summary>
    /// <exception cref="CommandFormatException">Written by a newer version, or damaged.</exception>
    public ApplyResult? Apply(in Entry entry)
    {
        Invariant.Require(entry.Index == Applied.Index.Next, $"Entry {entry.Id} follows {Applied}");
        ApplyResult? result = null;
        if (entry.Kind == EntryKind.Command)
        {
            var (request, command) = CommandCodec.Decode(entry.Data);
            result = new ApplyResult(request, Run(command));
        }

        Applied = entry.Id;
        Store.Trim(TrimPerEntry);
        return result;
    }

    private CommandResult Run(Command command) => command switch
    {
        Command.Op op => RunOp(op),
        Command.Compact compact => Store.Compact(compact.At) is var error and not StoreError.None
            ? Refuse(error)
            : new CommandResult.Compacted { Revision = Store.Current },
        Command.GrantLease grant => Leases.TryGrant(grant.Id, grant.Ttl)
            ? new CommandResult.LeaseGranted(grant.Id, grant.Ttl) { Revision = Store.Current }
            : Refuse(StoreError.LeaseExists),
        Command.RevokeLease revoke => Revoke(revoke.Id),
        Command.PublishMember publish => Publish(publish),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private CommandResult Revoke(LeaseId id)
    {
        if (!Leases.TryRevoke(id, out var keys))
            return Refuse(StoreError.LeaseNotFound);
        long deleted = 0;
        foreach (var key in keys)
            deleted += Store.Delete(KeyRange.One(key), deleted: null);
        return new CommandResult.LeaseRevoked(deleted) { Revision = Commit() };
    }

    private CommandResult.MemberPublished Publish(Command.PublishMember publish)
    {
        _members[publish.Member] = new MemberAttributes(publish.Name, publish.PeerUrls, publish.ClientUrls);
        return new CommandResult.MemberPublished { Revision = Store.Current };
    }

    private CommandResult.Refused Refuse(StoreError error) => new(error) { Revision = Store.Current };

    /// <summary>Ends the transaction: one revision if anything was written, leases follow their keys, watchers hear of it. Returns the revision after it.</summary>
    private Revision Commit()
    {
        var changes = Store.Commit();
        if (changes.Count == 0)
            return Store.Current;
        for (var i = 0; i < changes.Count; i++)
        {
            var (kv, previous) = changes[i];
            var before = previous?.Lease ?? LeaseId.None;
            if (before == kv.Lease)
                continue;
            if (before != LeaseId.None)
                Leases.Detach(before, kv.Key);
            if (kv.Lease != LeaseId.None)
                Leases.Attach(kv.Lease, kv.Key);
        }

        Watches.Publish(Store.Current, changes);
        return Store.Current;
    }
}

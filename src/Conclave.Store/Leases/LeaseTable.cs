using System.Diagnostics.CodeAnalysis;
using Conclave.Consensus;
using Conclave.Store.Mvcc;

namespace Conclave.Store.Leases;

/// <summary>What a renewal came to.</summary>
public enum LeaseRenewal
{
    /// <summary>The full TTL runs again.</summary>
    Renewed,

    /// <summary>No such lease, or it has expired and its revocation may already be in the log: too late either way. Answer TTL 0.</summary>
    Gone,

    /// <summary>Only the leader knows how much time is left. Ask it.</summary>
    NotLeader,
}

/// <summary>
/// What is known of a lease. <paramref name="Remaining"/>: seconds, rounded up; null on a member that does not lead. <paramref name="Keys"/>: attached, sorted.
/// </summary>
public sealed record LeaseStatus(LeaseId Id, long Ttl, long? Remaining, IReadOnlyList<ReadOnlyMemory<byte>> Keys);

/// <summary>
/// The leases. Replicated through the log: ids, TTLs and attached keys. Not replicated: how much time is left, which only the leader counts. A new
/// leader does not know what its predecessor promised, so it gives every lease its full TTL: a lease may end late, never early.
/// Owned by the replica's loop.
/// </summary>
public sealed class LeaseTable
{
    private readonly LeaseOptions _options;
    private readonly SortedDictionary<LeaseId, Lease> _leases = [];

    // One item for each lease that runs, no matter how often it is renewed: what comes up too early is put back at its true deadline.
    private readonly PriorityQueue<Lease, (long Deadline, LeaseId Id)> _deadlines = new();
    private long _now;

    /// <summary>An empty table that does not lead.</summary>
    public LeaseTable(LeaseOptions options) => _options = options.Checked();

    /// <summary>How many leases there are.</summary>
    public int Count => _leases.Count;

    /// <summary>Every id, ascending.</summary>
    public IReadOnlyList<LeaseId> Ids => [.. _leases.Keys];

    /// <summary>This member counts the time.</summary>
    public bool IsLeader { get; private set; }

    /// <summary>Whether there is such a lease; an expired one exists until its revocation is applied.</summary>
    public bool Contains(LeaseId id) => _leases.ContainsKey(id);

    /// <summary>
    /// From now on this member counts the time, and every lease has its full TTL. Call it when the first entry of the own term is applied, not at the
    /// election: a revocation that the last leader left in the log must be applied before anybody is told that its lease was renewed.
    /// </summary>
    public void BecomeLeader()
    {
        IsLeader = true;
        _deadlines.Clear();
        foreach (var lease in _leases.Values)
            Schedule(lease);
    }

    /// <summary>This member counts the time no more.</summary>
    public void StepDown()
    {
        IsLeader = false;
        _deadlines.Clear();
    }

    /// <summary>One tick has passed. Does nothing on a member that does not lead.</summary>
    public void Tick()
    {
        if (IsLeader)
            _now++;
    }

    /// <summary>
    /// Gives a lease its full TTL again. Answer the client only after a read index that was asked for later than this call: it proves that nobody
    /// else had started to count yet, so whoever does will count the full TTL from a later time.
    /// </summary>
    public LeaseRenewal Renew(LeaseId id)
    {
        if (!IsLeader)
            return LeaseRenewal.NotLeader;
        if (!_leases.TryGetValue(id, out var lease) || lease.Deadline <= _now)
            return LeaseRenewal.Gone;
        lease.Deadline = FullDeadline(lease);
        return LeaseRenewal.Renewed;
    }

    /// <summary>
    /// Leases to revoke now: propose <see cref="Command.RevokeLease"/> for each. At most <see cref="LeaseOptions.ExpiredMax"/>; one that is not gone
    /// after <see cref="LeaseOptions.RevokeRetryTicks"/> comes again.
    /// </summary>
    public IReadOnlyList<LeaseId> Expired()
    {
        if (!IsLeader)
            return [];
        List<LeaseId>? expired = null;
        while (_deadlines.TryPeek(out var lease, out var due) && due.Deadline <= _now)
        {
            if (expired?.Count == _options.ExpiredMax)
                break;
            _deadlines.Dequeue();
            if (!_leases.TryGetValue(lease.Id, out var current) || !ReferenceEquals(current, lease))
                continue;
            if (lease.Deadline > _now)
            {
                _deadlines.Enqueue(lease, (lease.Deadline, lease.Id));
                continue;
            }

            (expired ??= []).Add(lease.Id);
            _deadlines.Enqueue(lease, (_now + _options.RevokeRetryTicks, lease.Id));
        }

        return expired ?? (IReadOnlyList<LeaseId>)[];
    }

    /// <summary>What LeaseTimeToLive answers; null when there is no such lease.</summary>
    public LeaseStatus? Find(LeaseId id)
    {
        if (!_leases.TryGetValue(id, out var lease))
            return null;
        long? remaining = IsLeader ? UnitsOf(Math.Max(0, lease.Deadline - _now)) : null;
        return new LeaseStatus(id, lease.Ttl, remaining is { } units ? Math.Min(units, lease.Ttl) : null, [.. lease.Keys]);
    }

    internal bool TryGrant(LeaseId id, long ttl)
    {
        var lease = new Lease(id, ttl);
        if (!_leases.TryAdd(id, lease))
            return false;
        if (IsLeader)
            Schedule(lease);
        return true;
    }

    /// <summary>Ends the lease; the caller deletes <paramref name="keys"/>, which are sorted so that every member does so in the same order.</summary>
    internal bool TryRevoke(LeaseId id, [NotNullWhen(true)] out IReadOnlyCollection<ReadOnlyMemory<byte>>? keys)
    {
        var found = _leases.Remove(id, out var lease);
        keys = lease?.Keys;
        return found;
    }

    internal void Attach(LeaseId id, ReadOnlyMemory<byte> key)
    {
        Invariant.Require(_leases.TryGetValue(id, out var lease), $"Lease {id} exists when a key is attached");
        lease.Keys.Add(key);
    }

    /// <summary>A lease that is being revoked is gone before its keys are.</summary>
    internal void Detach(LeaseId id, ReadOnlyMemory<byte> key)
    {
        if (_leases.TryGetValue(id, out var lease))
            lease.Keys.Remove(key);
    }

    internal IReadOnlyList<(LeaseId Id, long Ttl)> Export() => [.. _leases.Values.Select(lease => (lease.Id, lease.Ttl))];

    /// <summary>Replaces everything but whether this member leads.</summary>
    internal void Reset(IEnumerable<(LeaseId Id, long Ttl)> leases)
    {
        _leases.Clear();
        _deadlines.Clear();
        foreach (var (id, ttl) in leases)
            Invariant.Require(TryGrant(id, ttl), $"Lease {id} stands once in a snapshot");
    }

    private void Schedule(Lease lease)
    {
        lease.Deadline = FullDeadline(lease);
        _deadlines.Enqueue(lease, (lease.Deadline, lease.Id));
    }

    /// <summary>
    /// The grant may fall right before a tick, hence one more; and right after a stall, whose ticks are then caught up with at once, hence as many more
    /// as the loop catches up with at most.
    /// </summary>
    private long FullDeadline(Lease lease)
    {
        // No TTL that passed the gate overflows, and one that did not must not end early.
        var units = Math.Clamp(lease.Ttl, 0, long.MaxValue / 4 / _options.TicksPerSecond);
        var ticks = ((units * _options.TicksPerSecond) + _options.UnitsPerSecond - 1) / _options.UnitsPerSecond;
        return _now + ticks + 1 + _options.CaughtUpTicks;
    }

    /// <summary>Rounded up.</summary>
    private long UnitsOf(long ticks) =>
        (Math.Min(ticks, long.MaxValue / 2 / _options.UnitsPerSecond) * _options.UnitsPerSecond + _options.TicksPerSecond - 1) / _options.TicksPerSecond;

    private sealed class Lease(LeaseId id, long ttl)
    {
        public LeaseId Id { get; } = id;

        /// <summary>Seconds, as granted.</summary>
        public long Ttl { get; } = ttl;

        /// <summary>The tick at which it expires; has a meaning on the leader only.</summary>
        public long Deadline { get; set; }

        public SortedSet<ReadOnlyMemory<byte>> Keys { get; } = new(KeyOrder.Instance);
    }
}

using Conclave.Simulation.World;
using Conclave.Store;

namespace Conclave.Simulation.Invariants;

/// <summary>
/// LeaseSafety: a lease never ends before its TTL has passed since its holder last asked, successfully, for it to be granted or renewed. Counted on true
/// time from before the request was sent, less what the fastest clock of the cluster may gain.
/// </summary>
internal sealed class LeaseInvariants(Agenda agenda, double fastestClock)
{
    private readonly Dictionary<LeaseId, (long Asked, long Until)> _promised = [];
    private readonly Dictionary<LeaseId, long> _expired = [];
    private readonly HashSet<LeaseId> _givenUp = [];

    public int Promises { get; private set; }

    public int Expirations => _expired.Count;

    /// <summary>Until when the holder may rely on it; 0 when it was promised nothing.</summary>
    public long Until(LeaseId lease) => _promised.TryGetValue(lease, out var promise) ? promise.Until : 0;

    /// <summary>A grant or a renewal that was asked for at <paramref name="asked"/> has been confirmed.</summary>
    public void Promised(LeaseId lease, long ttl, long asked)
    {
        Promises++;
        var until = asked + (long)(ttl * Agenda.Second / fastestClock);
        if (!_promised.TryGetValue(lease, out var before) || before.Until < until)
            _promised[lease] = (asked, until);
        if (_expired.TryGetValue(lease, out var ended))
            Require(lease, ended);
    }

    /// <summary>Its holder asks to end it; from now on nothing is promised.</summary>
    public void GivenUp(LeaseId lease) => _givenUp.Add(lease);

    /// <summary>The revocation of an expired lease is committed.</summary>
    public void Expired(LeaseId lease)
    {
        if (_expired.TryAdd(lease, agenda.Now))
            Require(lease, agenda.Now);
    }

    /// <summary>Its holder was told, or saw, at this moment that the lease is gone.</summary>
    public void SeenGone(LeaseId lease) => Require(lease, agenda.Now);

    private void Require(LeaseId lease, long ended)
    {
        if (!_givenUp.Contains(lease) && _promised.TryGetValue(lease, out var promise) && ended < promise.Until)
            throw new InvariantViolatedException("LeaseSafety", $"lease {lease} ended at {ended / 1e6:F6} s; it had been promised, when asked for at {promise.Asked / 1e6:F6} s, until {promise.Until / 1e6:F6} s");
    }
}

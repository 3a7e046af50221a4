using Conclave.Kubernetes.Wire;

namespace Conclave.Kubernetes;

/// <summary>
/// Who led, one after the other, concluded from sightings. Pure, told the time; for one thread.
/// </summary>
/// <remarks>
/// A watch tells every version in its order, so no leader is missed while it lasts or can be taken up where it broke. Where the server has forgotten what came between, two versions stand side by
/// side; if they are of the same leadership, or of the same vacancy, nothing was missed: every acquisition, ours or not, changes what is compared. Else history is lost, and we say so rather than guess.
/// A holder that renews no more is told as a vacancy when its time has passed on our clock and a fresh look has found nothing newer.
/// </remarks>
internal sealed class Succession
{
    private LeaseSight? _sight;
    private bool _isOver;
    private bool _hasTold;
    private Leader? _told;

    /// <summary>Changes were missed that nobody can tell any more.</summary>
    public bool IsHistoryLost { get; private set; }

    /// <summary>When the holder has to be asked after; null when there is none, or it has been found dead.</summary>
    public Instant? EndsAt => _isOver ? null : _sight?.EndsAt;

    /// <summary>Takes in a sighting made at <paramref name="now"/> and returns whether it is a change.</summary>
    public bool TryTake(Sighting sighting, Instant now, out Leader? leader)
    {
        leader = null;
        if (sighting is Sighting.Listed && _sight is not null && !IsSameReign(_sight.Lease, sighting.Lease))
        {
            IsHistoryLost = true;
            return false;
        }

        var sight = LeaseSight.After(_sight, sighting.Lease, now);
        _isOver &= sight.Since == _sight?.Since;
        _sight = sight;
        leader = _isOver ? null : LeaseRecord.ToLeader(sighting.Lease);
        return TryTell(leader);
    }

    /// <summary>Takes the holder for gone if its time has passed and <paramref name="fresh"/>, read just now, is what we know already.</summary>
    public bool TryExpire(LeaseObject? fresh, Instant now, out Leader? leader)
    {
        leader = null;
        if (EndsAt is not { } end || now < end || fresh?.Version != _sight!.Lease!.Version)
            return false;
        _isOver = true;
        return TryTell(null);
    }

    private bool TryTell(Leader? leader)
    {
        if (_hasTold && leader == _told)
            return false;
        (_told, _hasTold) = (leader, true);
        return true;
    }

    private static bool IsSameReign(LeaseObject? before, LeaseObject? after) =>
        before is not null && after is not null && before.Metadata.Uid == after.Metadata.Uid && before.Holder == after.Holder
            && before.Spec?.AcquireTime == after.Spec?.AcquireTime && before.Spec?.LeaseTransitions == after.Spec?.LeaseTransitions
            && LeaseRecord.ToLeader(before) == LeaseRecord.ToLeader(after)
            && before.Metadata.Annotations?.GetValueOrDefault(LeaseRecord.TokenAnnotation) == after.Metadata.Annotations?.GetValueOrDefault(LeaseRecord.TokenAnnotation);
}

using Conclave.Kubernetes.Wire;

namespace Conclave.Kubernetes;

/// <summary>
/// What was seen of a Lease and since when it stands so, by our own clock. Immutable and told the time; that moment is the clock's reading <em>after</em> the answer came.
/// </summary>
/// <remarks>
/// The times in a Lease are those of whoever wrote them, and clocks differ, so they are compared with nothing. A holder that renews changes the record; one that has not changed for its
/// whole duration while we looked is over. The holder counts from before it sent what we saw after it arrived, so it has given up by then.
/// </remarks>
internal sealed record LeaseSight(LeaseObject? Lease, Instant Since)
{
    /// <summary>When its holder has to be taken for gone; null when nobody holds it.</summary>
    public Instant? EndsAt => Lease?.Holder is null ? null : Since + TimeSpan.FromSeconds(Lease.Spec!.LeaseDurationSeconds ?? 0);

    /// <summary>Whether somebody may take it.</summary>
    public bool IsFreeAt(Instant now) => EndsAt is not { } end || now >= end;

    /// <summary>What is known after another look. What does not belong to the record of leadership, such as a label, does not prolong it.</summary>
    public static LeaseSight After(LeaseSight? before, LeaseObject? lease, Instant now) =>
        before is not null && IsSameRecord(before.Lease, lease) ? before with { Lease = lease } : new LeaseSight(lease, now);

    private static bool IsSameRecord(LeaseObject? left, LeaseObject? right) =>
        left is null || right is null
            ? left is null && right is null
            : left.Metadata.Uid == right.Metadata.Uid && left.Holder == right.Holder && left.Spec?.LeaseDurationSeconds == right.Spec?.LeaseDurationSeconds
                && left.Spec?.AcquireTime == right.Spec?.AcquireTime && left.Spec?.RenewTime == right.Spec?.RenewTime && left.Spec?.LeaseTransitions == right.Spec?.LeaseTransitions;
}

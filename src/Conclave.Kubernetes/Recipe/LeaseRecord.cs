using System.Globalization;
using Conclave.Kubernetes.Wire;

namespace Conclave.Kubernetes;

/// <summary>
/// How leadership stands in a Lease: the fields of client-go's leader election, and annotations of ours beside them. Pure. Every write below is one version made from another, and the server
/// takes it only if that other is still the one stored: of all that are made from one version, one wins.
/// </summary>
/// <remarks>
/// The token is the greater of (a) the last token, kept in an annotation, and (b) the version that the acquisition was made from, plus one. It grows:
/// (1) each acquisition of ours is a new version made from the last, so by (b) alone a token is never above the version that it was written with, and the next is made from a version no lower;
/// (2) so it also grows when a foreign holder was between, when a foreign client dropped our annotations or set them back, and when the Lease was deleted and made anew, for versions
/// are given out by the store as a whole; (3) by (a) it grows where the object was carried to another cluster, whose versions begin anew.
/// <c>leaseTransitions</c> could not do it: it stands still when the same identity returns, and clients other than client-go forget to count.
/// </remarks>
internal static class LeaseRecord
{
    /// <summary>The highest token given out in this Lease.</summary>
    public const string TokenAnnotation = Prefix + "token";

    /// <summary>The holder whose token and value the other annotations are: whom they do not name, they do not describe.</summary>
    public const string HolderAnnotation = Prefix + "holder";

    /// <summary>What the holder published.</summary>
    public const string ValueAnnotation = Prefix + "value";

    /// <summary>The election's name, since two names may become one Lease's.</summary>
    public const string NameAnnotation = Prefix + "name";

    private const string Prefix = "election.conclave/";
    private const string MicroTime = "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'";

    // client-go's duration of a Lease that nobody holds.
    private const int ReleasedSeconds = 1;

    /// <summary>The election that is kept in it, as its candidates call it: those of other programs by the Lease's own name.</summary>
    public static string NameOf(LeaseObject lease) => Annotation(lease, NameAnnotation) ?? lease.Metadata.Name ?? "";

    /// <summary>A Lease that nobody holds yet. Made before the first acquisition, whose token needs a version to be made from.</summary>
    public static LeaseObject Unheld(string lease, string ns, string election, DateTimeOffset now) => new()
    {
        ApiVersion = "coordination.k8s.io/v1",
        Kind = "Lease",
        Metadata = new ObjectMeta { Name = lease, Namespace = ns, Annotations = new(StringComparer.Ordinal) { [NameAnnotation] = election } },
        Spec = new LeaseSpec { HolderIdentity = "", LeaseDurationSeconds = ReleasedSeconds, AcquireTime = ToText(now), RenewTime = ToText(now), LeaseTransitions = 0 },
    };

    /// <summary>The next leadership, after whatever stands in <paramref name="lease"/>.</summary>
    public static LeaseObject Acquired(LeaseObject lease, string election, string identity, string value, TimeSpan ttl, DateTimeOffset now)
    {
        var spec = lease.Spec ?? new LeaseSpec();
        return lease with
        {
            Metadata = lease.Metadata with
            {
                Annotations = new(lease.Metadata.Annotations ?? [], StringComparer.Ordinal)
                {
                    [NameAnnotation] = election,
                    [TokenAnnotation] = NextToken(lease).ToString(),
                    [HolderAnnotation] = identity,
                    [ValueAnnotation] = value,
                },
            },
            Spec = spec with
            {
                HolderIdentity = identity,
                LeaseDurationSeconds = (int)ttl.TotalSeconds,
                AcquireTime = ToText(now),
                RenewTime = ToText(now, spec.RenewTime),
                LeaseTransitions = (spec.LeaseTransitions ?? 0) + 1,
            },
        };
    }

    /// <summary>The same leadership, for another TTL.</summary>
    public static LeaseObject Renewed(LeaseObject lease, TimeSpan ttl, DateTimeOffset now) =>
        lease with { Spec = lease.Spec! with { LeaseDurationSeconds = (int)ttl.TotalSeconds, RenewTime = ToText(now, lease.Spec.RenewTime) } };

    /// <summary>Nobody's, from now on.</summary>
    public static LeaseObject Released(LeaseObject lease, DateTimeOffset now)
    {
        var spec = lease.Spec ?? new LeaseSpec();
        return lease with
        {
            Spec = spec with { HolderIdentity = "", LeaseDurationSeconds = ReleasedSeconds, AcquireTime = ToText(now), RenewTime = ToText(now, spec.RenewTime) },
        };
    }

    /// <summary>
    /// Who leads by this Lease; null when nobody does. A holder that is no candidate of ours published nothing but its identity, and has no token: <see cref="FencingToken.None"/>,
    /// which every gate refuses.
    /// </summary>
    public static Leader? ToLeader(LeaseObject? lease)
    {
        if (lease?.Holder is not { } holder)
            return null;
        var isOurs = Annotation(lease, HolderAnnotation) == holder;
        return isOurs && FencingToken.TryParse(Annotation(lease, TokenAnnotation), out var token)
            ? new Leader(Annotation(lease, ValueAnnotation) ?? holder, token)
            : new Leader(holder, FencingToken.None);
    }

    /// <summary>Why this Lease is not one that this election can be kept in; null when it is. Said in a way that follows "the Lease NAME".</summary>
    public static string? Problem(LeaseObject? lease, string election)
    {
        if (lease is null)
            return null;
        if (Annotation(lease, NameAnnotation) is { } name && name != election)
            return $"belongs to the election '{name}' (annotation {NameAnnotation})";
        if (lease.Spec?.Rest?.ContainsKey("strategy") == true)
            return "has a strategy, so a controller of the cluster decides who holds it";
        if (Annotation(lease, TokenAnnotation) is { } kept && (!FencingToken.TryParse(kept, out var token) || token.Value == long.MaxValue))
            return $"has '{kept}' in the annotation {TokenAnnotation}, which is no token that could be counted on";
        if (!long.TryParse(lease.Version, NumberStyles.None, CultureInfo.InvariantCulture, out var version) || version == long.MaxValue)
            return $"has the resourceVersion '{lease.Version}', which is no number, so no token can grow with it";
        if (lease.Holder is null)
            return null;
        if (lease.Spec!.LeaseDurationSeconds is null or <= 0)
            return $"is held by '{lease.Holder}' and does not say for how long (leaseDurationSeconds)";
        return string.IsNullOrEmpty(lease.Spec.AcquireTime) || string.IsNullOrEmpty(lease.Spec.RenewTime)
            ? $"is held by '{lease.Holder}' and has no acquireTime or renewTime, as a node's heartbeat and not as an election"
            : null;
    }

    /// <summary>A moment as people read it. Two writes in a row never say the same, whatever was done to the clock: that a renewal came is seen by this alone.</summary>
    public static string ToText(DateTimeOffset now, string? before = null)
    {
        var text = now.UtcDateTime.ToString(MicroTime, CultureInfo.InvariantCulture);
        return text == before ? now.UtcDateTime.AddMicroseconds(1).ToString(MicroTime, CultureInfo.InvariantCulture) : text;
    }

    private static FencingToken NextToken(LeaseObject lease)
    {
        _ = FencingToken.TryParse(Annotation(lease, TokenAnnotation), out var last);
        var version = long.Parse(lease.Version, NumberStyles.None, CultureInfo.InvariantCulture);
        return new FencingToken(Math.Max(last.Value, version) + 1);
    }

    private static string? Annotation(LeaseObject lease, string key) => lease.Metadata.Annotations?.GetValueOrDefault(key);
}
